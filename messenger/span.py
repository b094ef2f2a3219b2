"""The part of the log that a replay reads: from a moment to another, of a room or of all."""

import msgspec

from messenger import moments, wording
from messenger.entries import EntryId
from messenger.errors import BadRequest


class Span(msgspec.Struct, frozen=True):
    """What comes after an id, up to and with another; `room` None is every room."""

    after: EntryId
    until: EntryId
    room: str | None


def check(since: str, until: str, room: str | None) -> str | None:
    """Raises BadRequest for what no store could make right; gives the room as it is written."""
    _moment("since", since, 0)
    _moment("until", until, 0)
    try:
        return None if room is None else wording.check_room(room)
    except BadRequest as error:
        raise BadRequest(f"room: {error.detail}", code="bad-query") from None


def read(since: str, until: str, room: str | None, now_ms: int, last: EntryId) -> Span:
    """The span of what is there now. Nothing is waited for: `now` is the log's end, also where the
    clock was set back behind its `last` id. Raises BadRequest where nothing can lie between."""
    after, end = _moment("since", since, now_ms), _moment("until", until, now_ms)
    if until == "now":
        end = max(end, last)
    if after >= end:
        raise BadRequest("since is not before until: nothing lies between", code="bad-query")
    return Span(after, end, room)


def _moment(name: str, text: str, now_ms: int) -> EntryId:
    parse = moments.parse if name == "since" else moments.parse_end
    try:
        return parse(text, now_ms)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}", code="bad-query") from None
