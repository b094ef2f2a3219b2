"""The routes behind /ops, for who holds the operator's token."""

from typing import Any

from messenger.fields import EXAMPLE_ID
from messenger.letters import Letter
from web.contract import parts
from web.contract.description import Answer, Group, Method, Parameter, Route
from web.figures import Figures, Groups
from web.letters import Dug, Letters

GROUP = Group(
    "Operating",
    "What the page `/ops` shows and does, for who holds the operator's token. Where none is set, each "
    "of these is refused.",
)

_HOST = "http://127.0.0.1:8000"
_AS_OPERATOR = '-H "Authorization: Bearer $MESSENGER_ADMIN_TOKEN" \\\n'
_NAME = Parameter(
    "group",
    "path",
    "A consumer group.",
    {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
    "mailer",
)
_PARTITION = Parameter(
    "partition", "path", "A partition, from 0.", {"type": "string", "pattern": "^[0-9]{1,4}$"}, "0"
)
_ENTRY = Parameter("message", "path", "The letter's `entry`.", parts.MESSAGE.schema, EXAMPLE_ID)
_LETTER: dict[str, Any] = {
    "entry": EXAMPLE_ID,
    "group": "mailer",
    "partition": 0,
    "error": "ValueError: no such address",
    "attempts": 5,
    "buried_at": 1_764_000_020_000,
    "expires_at": 1_764_000_030_000,
}
_FIELDS = {
    "type": "message.posted",
    "room": "lobby",
    "author": "Ann",
    "text": "hello",
    "ttl": "30000",
}
_DUG = Answer(
    200,
    "How many, and which of them can't be handed out again: their entries are no more in the log.",
    {parts.JSON: Dug},
    example={"done": 1, "gone": []},
)
_IN_GROUP = ("not-allowed", "group-not-found", "store-unavailable")
_ONE = ("not-allowed", "bad-id", "letter-not-found", "store-unavailable", "not-found")


def _route(
    method: Method,
    path: str,
    id_: str,
    summary: str,
    description: str,
    answer: Answer,
    parameters: tuple[Parameter, ...] = (),
    refusals: tuple[str, ...] = ("not-allowed", "store-unavailable"),
) -> Route:
    shown = path
    for each in parameters:
        shown = shown.replace(f"{{{each.name}}}", str(each.example))
    verb = "" if method == "GET" else f"-X {method} "
    return Route(
        method=method,
        path=path,
        id=id_,
        group=GROUP.name,
        summary=summary,
        description=description,
        parameters=parameters,
        answers=(answer,),
        refusals=refusals if method == "GET" else (*refusals, "cross-origin"),
        tokens=("operatorToken",),
        curl=f"curl {verb}{_AS_OPERATOR}  '{_HOST}{shown}'",
    )


ROUTES = (
    _route(
        "GET",
        "/api/ops/figures",
        "getFigures",
        "What is charted",
        "To be asked once a second. `subscribers` and deliveries are those of all web workers "
        "under one supervisor, `tail_lag_ms` is the worst of theirs.",
        Answer(200, "The figures now.", {parts.JSON: Figures}),
        (
            Parameter(
                "after",
                "query",
                "A time in milliseconds: only the seconds and erasures after it are told.",
                {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
            ),
        ),
        ("not-allowed", "bad-query", "supervisor-silent"),
    ),
    _route(
        "GET",
        "/api/ops/groups",
        "listGroups",
        "How far each consumer group is",
        "Each group on each partition. A lag is counted up to 10,000.",
        Answer(200, "The groups.", {parts.JSON: Groups}),
    ),
    _route(
        "GET",
        "/api/ops/letters",
        "listLetters",
        "What groups could not handle",
        "The dead letters in the order in which they were given up, without text or author. At most 100 "
        "of each group on each partition are told.",
        Answer(
            200,
            "The letters.",
            {parts.JSON: Letters},
            example={
                "now": parts.NOW,
                "letters": [_LETTER | {"room": "lobby", "type": "message.posted"}],
                "is_whole": True,
            },
        ),
        (Parameter("group", "query", "Only those of this group.", _NAME.schema),),
        _IN_GROUP,
    ),
    _route(
        "DELETE",
        "/api/ops/letters/{group}",
        "dropLetters",
        "Drop all letters of a group",
        "The messages themselves live on.",
        _DUG,
        (_NAME,),
        _IN_GROUP,
    ),
    _route(
        "POST",
        "/api/ops/letters/{group}/requeue",
        "requeueLetters",
        "Hand all letters of a group out again",
        "As if they had never been tried.",
        _DUG,
        (_NAME,),
        _IN_GROUP,
    ),
    _route(
        "GET",
        "/api/ops/letters/{group}/{partition}/{message}",
        "getLetter",
        "Read one letter",
        "With all that its entry held, and the whole reason.",
        Answer(200, "The letter.", {parts.JSON: Letter}, example=_LETTER | {"fields": _FIELDS}),
        (_NAME, _PARTITION, _ENTRY),
        _ONE,
    ),
    _route(
        "DELETE",
        "/api/ops/letters/{group}/{partition}/{message}",
        "dropLetter",
        "Drop one letter",
        "The message itself lives on.",
        _DUG,
        (_NAME, _PARTITION, _ENTRY),
        (*_ONE, "entry-gone"),
    ),
    _route(
        "POST",
        "/api/ops/letters/{group}/{partition}/{message}/requeue",
        "requeueLetter",
        "Hand one letter out again",
        "As if it had never been tried.",
        _DUG,
        (_NAME, _PARTITION, _ENTRY),
        (*_ONE, "entry-gone"),
    ),
)
