"""The kinds of values that the public shapes are made of, with what their JSON Schemas say of them.

Nothing here is checked when something is decoded: the checks of words and numbers have codes of their
own (wording.py, log.py). So a limit stands in a schema, and costs nothing.
"""

from typing import Annotated, Any

from msgspec import Meta

from messenger.wording import AUTHOR_LENGTH, ROOM_LENGTH, TEXT_LENGTH

ID_FORM = r"^[0-9]{1,20}-[0-9]{1,20}$"
EXAMPLE_ID = "1764000000000-0"
# 2^53: beyond it a number is not exact in every language.
_LATEST = 2**53


def _limits(**given: Any) -> dict[str, Any]:  # noqa: ANN401  as JSON Schema has them
    return given


Id = Annotated[
    str,
    Meta(
        description="A message's id: its entry's id in the log, `<milliseconds>-<number>`.",
        examples=[EXAMPLE_ID],
        extra_json_schema=_limits(pattern=ID_FORM),
    ),
]
Cursor = Annotated[
    str,
    Meta(
        description="Where a reader stands: an entry id. Give it back to go on after it.",
        examples=[EXAMPLE_ID],
        extra_json_schema=_limits(pattern=ID_FORM),
    ),
]
Room = Annotated[
    str,
    Meta(
        description="A room's name, in Unicode's composed form (NFC).",
        examples=["lobby"],
        extra_json_schema=_limits(minLength=1, maxLength=ROOM_LENGTH),
    ),
]
Author = Annotated[
    str,
    Meta(
        description="Who wrote it; `anonymous` for somebody who gave no name.",
        examples=["Ann"],
        extra_json_schema=_limits(maxLength=AUTHOR_LENGTH),
    ),
]
Text = Annotated[
    str,
    Meta(
        description="The text, byte for byte as it was posted. It is only text: never markup.",
        examples=["hello"],
        extra_json_schema=_limits(maxLength=TEXT_LENGTH),
    ),
]
Moment = Annotated[
    int,
    Meta(
        description="A time in milliseconds since 1970, by the store's clock.",
        examples=[1_764_000_000_000],
        extra_json_schema=_limits(minimum=0, maximum=_LATEST),
    ),
]
Milliseconds = Annotated[
    int,
    Meta(
        description="A duration in milliseconds.",
        examples=[900_000],
        extra_json_schema=_limits(minimum=0, maximum=_LATEST),
    ),
]
Readers = Annotated[
    int,
    Meta(
        description="How many live streams, sockets and waiting polls the room has, over all processes.",
        examples=[3],
        extra_json_schema=_limits(minimum=0),
    ),
]
