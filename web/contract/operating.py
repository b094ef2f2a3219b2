"""The routes for who runs the messenger, and those that tell of the others."""

from messenger.lines import ErasedLine, PostedLine
from web.contract import parts
from web.contract.description import Answer, Group, Parameter, Route, Schema
from web.replay import ReplayEnded, ReplayWaiting
from web.shapes import Health, Live

OPERATING = Group("Health and figures", "For who runs the messenger, and for what watches over it.")
CONTRACT = Group(
    "This contract",
    "The documents that this page is made of. They change only with the program: ask again with the "
    "`ETag`.",
)

_HOST = "http://127.0.0.1:8000"
_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}

LIVE = Route(
    method="GET",
    path="/health/live",
    id="isLive",
    group=OPERATING.name,
    summary="Is the process alive",
    description="200 while the process runs. A loop that crashes ends the process.",
    answers=(Answer(200, "It runs.", {parts.JSON: Live}, example={"status": "live"}),),
    curl=f"curl {_HOST}/health/live",
)
READY = Route(
    method="GET",
    path="/health/ready",
    id="isReady",
    group=OPERATING.name,
    summary="Is it ready to serve",
    description="`degraded`: it serves, but a promise is in danger: no worker sweeps, the projector "
    "lags by more than 10 seconds, the store's clock was set back, or one of several web workers does "
    "not serve. `unready`: the store does not answer, the log is still being read, or the process is "
    "stopping.",
    answers=(
        Answer(
            200,
            "It serves, `ready` or `degraded`.",
            {parts.JSON: Health},
            example={"status": "ready", "problems": []},
        ),
        Answer(
            503,
            "It is not to be asked now.",
            {parts.JSON: Health},
            (parts.RETRY_AFTER,),
            {"status": "unready", "problems": ["the store does not answer"]},
        ),
    ),
    curl=f"curl {_HOST}/health/ready",
)
METRICS = Route(
    method="GET",
    path="/metrics",
    id="getMetrics",
    group=OPERATING.name,
    summary="Figures for Prometheus",
    description="Each figure is explained in `docs/metrics.md`.",
    answers=(
        Answer(
            200,
            "The figures, in the format that `Accept` asks for.",
            {"text/plain": _TEXT, "application/openmetrics-text": _TEXT},
            example="messenger_subscribers 3.0\n",
        ),
    ),
    refusals=("supervisor-silent",),
    curl=f"curl {_HOST}/metrics",
)

REPLAY = Route(
    method="GET",
    path="/api/replay",
    id="replay",
    group=OPERATING.name,
    summary="What the log holds between two moments",
    description="A line of JSON for each event that lives, in the log's order, for who holds the "
    "operator's token. Nothing that has expired is sent. The last line is `replay.ended`: an answer "
    "without it was cut off. `replay.waiting` says every 15 seconds that nothing is due yet.\n\n"
    "It goes as fast as it is read; who takes nothing for 30 seconds is cut.",
    parameters=(
        Parameter(
            "since",
            "query",
            "From where: `window`, an id, a time or a duration such as `10m`.",
            {"type": "string", "minLength": 1, "default": "window"},
        ),
        Parameter(
            "until",
            "query",
            "Up to where: `now`, an id, a time or a duration.",
            {"type": "string", "minLength": 1, "default": "now"},
        ),
        Parameter("room", "query", "Only this room.", parts.ROOM.schema),
        Parameter(
            "speed",
            "query",
            "`max`, or a multiple of the original pace such as `10x`.",
            {"type": "string", "pattern": r"^(max|[0-9]{1,7}(\.[0-9]{1,3})?x)$", "default": "max"},
        ),
    ),
    answers=(
        Answer(
            200,
            "Lines, each a `message.posted`, `message.erased`, `replay.waiting` or `replay.ended`.",
            {"application/x-ndjson": (PostedLine, ErasedLine, ReplayWaiting, ReplayEnded)},
            example={"type": "message.posted"} | parts.A_MESSAGE,
        ),
    ),
    refusals=("not-allowed", "bad-query", "store-unavailable", "stopping"),
    tokens=("operatorToken",),
    curl=f"""curl -N -H "Authorization: Bearer $MESSENGER_ADMIN_TOKEN" '{_HOST}/api/replay?since=10m'""",
)


def _document(path: str, id_: str, summary: str, description: str, kind: str) -> Route:
    return Route(
        method="GET",
        path=path,
        id=id_,
        group=CONTRACT.name,
        summary=summary,
        description=description,
        parameters=(parts.IF_NONE_MATCH,),
        answers=(
            Answer(200, "The document.", {kind: _OBJECT}, (parts.ETAG,)),
            Answer(304, "It is still the same.", headers=(parts.ETAG,)),
        ),
        curl=f"curl {_HOST}{path}",
    )


OPENAPI = _document(
    "/openapi.json",
    "getOpenApi",
    "The HTTP API as OpenAPI 3.1",
    "Every route with its parameters, bodies, answers and refusals.",
    parts.JSON,
)
ASYNCAPI = _document(
    "/asyncapi.json",
    "getAsyncApi",
    "Log, streams and sockets as AsyncAPI 3.0",
    "The log's entries in the store, and what streams and sockets tell and take.",
    parts.JSON,
)
SCHEMA = Route(
    method="GET",
    path="/schemas/{name}",
    id="getSchema",
    group=CONTRACT.name,
    summary="One JSON Schema on its own",
    description="A schema of draft 2020-12, with all that it refers to in it. In the two documents each "
    "schema names its own path in `x-schema`.",
    parameters=(
        Parameter(
            "name",
            "path",
            "The schema's name and `.json`.",
            {"type": "string", "pattern": r"^[A-Za-z]+\.json$"},
            "Message.json",
        ),
        parts.IF_NONE_MATCH,
    ),
    answers=(
        Answer(200, "The schema.", {"application/schema+json": _OBJECT}, (parts.ETAG,)),
        Answer(304, "It is still the same.", headers=(parts.ETAG,)),
    ),
    refusals=("not-found",),
    curl=f"curl {_HOST}/schemas/Message.json",
)

ROUTES = (REPLAY, LIVE, READY, METRICS, OPENAPI, ASYNCAPI, SCHEMA)
