"""What several routes have in common: parameters, headers, refusals, examples."""

from typing import Any

from messenger.durations import PATTERN as DURATION
from messenger.fields import EXAMPLE_ID
from messenger.wording import ROOM_LENGTH
from web.contract.description import Header, Parameter, Schema
from web.lengths import LONGEST

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
NOW = 1_764_000_000_123
_CURSOR: Schema = {"type": "string", "pattern": "^[0-9]{1,20}(-[0-9]{1,20})?$"}
_PLACE: Schema = {"type": "string", "minLength": 1, "maxLength": 8_000}

ROOM = Parameter(
    "room",
    "path",
    "The room's name: letters, digits, `-`, `_` or `.` of any script, beginning with a letter or a "
    "digit; a `~` before it keeps it off the lists. It is put into Unicode's composed form (NFC). A "
    "room is made by going there.",
    {
        "type": "string",
        "minLength": 1,
        "maxLength": ROOM_LENGTH,
        # ASCII by exclusion: letters of any script are written in no way that all dialects read.
        "pattern": r"^~?[^\u0000-/:-@\[-`{-\u007f][^\u0000-,/:-@\[-^`{-\u007f]*$",
    },
    "lobby",
)
MESSAGE = Parameter(
    "message",
    "path",
    "The message's id.",
    {"type": "string", "pattern": "^[0-9]{1,20}-[0-9]{1,20}$"},
    EXAMPLE_ID,
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "header",
    "The `ETag` of the last answer: the answer is 304 as long as nothing is new.",
    {"type": "string"},
)
KEY = Parameter(
    "Idempotency-Key",
    "header",
    "Visible ASCII characters; makes a post safe to send again. The same key in the same room "
    "gives the same message for as long as it lives, and writes nothing.",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]{1,200}$"},
    "4711",
)


def cursor(name: str, description: str) -> Parameter:
    return Parameter(name, "query", description, _CURSOR)


def limit(description: str, default: int | None = None) -> Parameter:
    found: Schema = {"type": "integer", "minimum": 1, "maximum": LONGEST}
    return Parameter("limit", "query", description, found | _default(default))


def _default(value: int | None) -> Schema:
    return {} if value is None else {"default": value}


WAIT = Parameter(
    "wait",
    "query",
    "How long to wait for the first event, from `0s` to `60s`. Goes with `after`, and not with "
    "`before`.",
    {"type": "string", "pattern": DURATION},
)


def resuming(of: Schema, what: str) -> tuple[Parameter, ...]:
    """The ways to say after which id a stream goes on; the header wins."""
    words = f"{what} `0-0` asks for all that lives; without a cursor the stream begins now."
    also = "The same as `after`, as some polyfills write it."
    return (
        Parameter("Last-Event-ID", "header", "The last id seen; browsers send it. It wins.", of),
        Parameter("after", "query", words, of),
        Parameter("last_event_id", "query", also, of),
        Parameter("lastEventId", "query", also, of),
    )


ROOM_CURSOR = resuming(_CURSOR, "The last id seen: the stream goes on after it.")
FIREHOSE_CURSOR = resuming(_PLACE, "The last id seen, as it was told: the stream goes on after it.")
ROOMS = Parameter(
    "rooms",
    "query",
    "Only these rooms: up to 100 names with commas between. A cursor that was told for some rooms goes "
    "on with the same.",
    {"type": "string", "minLength": 1},
)

ETAG = Header("ETag", "Names this answer; give it back as `If-None-Match`.", '"5d41402a"')
LOCATION = Header("Location", "The message's own path.", f"/api/rooms/lobby/messages/{EXAMPLE_ID}")
LINK = Header(
    "Link",
    'The older page (`rel="prev"`) and, from an older page, the younger one (`rel="next"`).',
    f'</api/rooms/lobby/messages?limit=50&before={EXAMPLE_ID}>; rel="prev"',
    is_always=False,
)
RATE_POLICY = Header(
    "RateLimit-Policy",
    "How many posts a visitor (`post`) and the room (`room`) have, and with a room's first post how "
    "many rooms a visitor may open (`new-room`): `q`, in how many seconds, `w`.",
    '"post";q=20;w=10, "room";q=1000;w=10',
    is_always=False,
)
RATE = Header(
    "RateLimit",
    "How many are left now (`r`), and in how many seconds all are back (`t`). Where posting is limited, "
    "with each new post; with a refusal of the limit that was met.",
    '"post";r=19;t=1, "room";r=999;t=1',
    is_always=False,
)
RETRY_AFTER = Header("Retry-After", "Seconds to wait before the next try.", "1", "integer")
# The headers that a refusal has by its status.
OF_STATUS: dict[int, tuple[Header, ...]] = {
    401: (Header("WWW-Authenticate", "The scheme that is taken.", 'Bearer realm="messenger"'),),
    405: (Header("Allow", "The methods that the path takes.", "GET,HEAD,POST"),),
    415: (Header("Accept-Post", "The media type that is taken.", JSON),),
    426: (
        Header("Upgrade", "What the path speaks.", "websocket"),
        Header("Sec-WebSocket-Version", "The version that it speaks.", "13"),
    ),
    429: (RETRY_AFTER, RATE_POLICY, RATE),
    503: (RETRY_AFTER,),
}

IN_ROOM = ("bad-room", "not-found")
BODY = (
    "cross-origin",
    "malformed-json",
    "not-utf8",
    "too-large",
    "unsupported-media-type",
    "invalid-field",
)

A_MESSAGE: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "room": "lobby",
    "author": "Ann",
    "text": "hello",
    "created_at": 1_764_000_000_000,
    "expires_at": 1_764_000_030_000,
}
