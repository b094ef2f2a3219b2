"""What can be wrong with a view, and how it is found out from facts that were read in one step."""

import re
from typing import NamedTuple

import msgspec

from messenger import messages
from messenger.entries import EntryId
from messenger.events import MessageErased, MessagePosted
from messenger.log import member
from messenger.messages import Message

ERASED, EXPIRED = b"erased", b"expired"
# A store refuses times beyond its numbers: no key dies later.
LATEST = 2**53
_NEVER, _NOT_THERE = -1, -2

KINDS = {
    "missing-row": "a message of the log has no row",
    "wrong-row": "a row is not what the log says",
    "extra-row": "a row has no message in the log",
    "missing-index": "a message is not in its room's index",
    "wrong-index": "a room's index is of another type or order",
    "extra-index": "a room's index names a message that is not there",
    "missing-room": "a room with a living message is not listed for as long as it lives",
    "wrong-life": "a key of the view ends too early, too late or never",
    "wrong-count": "a minute's counts are not those of the log",
}


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """`kind` is one of KINDS. `message` is an id, `room` a name, `minute` counts from 1970."""

    kind: str
    partition: int
    detail: str
    message: str = ""
    room: str = ""
    minute: int = 0

    def __str__(self) -> str:
        """A line for people; a room's name may be another program's words."""
        where = [
            f"message {self.message}" if self.message else "",
            f"room {self.room}" if self.room else "",
            f"minute {self.minute}" if self.minute else "",
        ]
        return f"{self.kind}: {', '.join(filter(None, where))}: {self.detail}"


Found = tuple[str, str]  # a kind and the detail


class Seen(NamedTuple):
    """What the view has of a message: the row, when it dies (ms; -1 never, -2 not there), the score in
    the room's index, when that dies, the room's own score."""

    row: bytes | None
    dies: int
    score: bytes | None
    index_dies: int
    room_score: bytes | None


def of_posted(entry_id: EntryId, event: MessagePosted, seen: Seen) -> list[Found]:
    """For a living message that was applied; a row that says `erased` is not judged here."""
    message = messages.of(entry_id, event)
    ends = min(message.expires_at, LATEST)
    found: list[Found] = []
    if seen.row is None:
        is_there = seen.dies != _NOT_THERE
        found.append(("wrong-row", "is no string") if is_there else ("missing-row", "is not there"))
    elif seen.row != messages.encode(message):
        found.append(("wrong-row", _other(seen.row, message)))
    elif seen.dies != ends:
        found.append(("wrong-life", f"the row {_ends(seen.dies)} and not at {ends}"))
    return found + _of_index(ends, seen)


def _of_index(ends: int, seen: Seen) -> list[Found]:
    found: list[Found] = []
    if seen.score is None:
        found.append(("missing-index", "is not in the room's index"))
    if seen.score is not None and 0 <= seen.index_dies < ends:
        found.append(("wrong-life", f"the room's index {_ends(seen.index_dies)}, before {ends}"))
    if seen.room_score is None or float(seen.room_score) < ends:
        found.append(("missing-room", f"the room is not listed up to {ends}"))
    return found


def of_erased(event: MessageErased, seen: Seen) -> list[Found]:
    """For a message that was erased, while any message of its time can live."""
    found: list[Found] = []
    if seen.row is None:
        found.append(("missing-row", "the row should say that it was erased"))
    elif seen.row != ERASED:
        found.append(("wrong-row", "was erased, and the row does not say so"))
    if seen.score is not None:
        found.append(("extra-index", "was erased, and is in the room's index"))
    return found


def of_row(entry_id: EntryId | None, row: bytes, dies: int, *, is_in_log: bool) -> list[Found]:
    """For a row by itself: what of it can't be found out from the log's side."""
    found: list[Found] = []
    if dies == _NEVER:
        found.append(("wrong-life", "the row never ends"))
    if entry_id is None:
        found.append(("extra-row", "its name is no id"))
    elif not is_in_log and row not in (ERASED, EXPIRED):
        found.append(("extra-row", "is not in the log"))
    return found


_MEMBER = re.compile(rb"\d{13,20}-\d{20}")


def id_of_member(text: bytes) -> EntryId | None:
    """The id that a member of an index stands for; None for what no index of ours has."""
    if not _MEMBER.fullmatch(text):
        return None
    found = EntryId.read(text)
    return found if member(found).encode() == text else None


def of_member(room: str, row: bytes | None, *, is_over: bool) -> list[Found]:
    """For a member of a room's index that has no row of that room. What has expired may stay in an
    index until somebody posts in its room (`is_over`)."""
    if row is None and not is_over:
        return [("extra-index", "has neither a row nor an entry")]
    if row == ERASED:
        return [("extra-index", "was erased")]
    if row is not None and _room_of(row) not in (None, room):
        return [("extra-index", "is of another room")]
    return []


def _room_of(row: bytes) -> str | None:
    try:
        return messages.decode(row).room
    except msgspec.DecodeError:
        return None


def _other(row: bytes, message: Message) -> str:
    """What of a row is different: the members' names, never what they hold."""
    if row == EXPIRED:
        return "the row says that it has expired"
    try:
        seen = messages.decode(row)
    except msgspec.DecodeError:
        return "the row is no message"
    fields = Message.__struct_fields__
    names = [name for name in fields if getattr(seen, name) != getattr(message, name)]
    return f"another {', '.join(names)}" if names else "the row is written in another way"


def _ends(dies: int) -> str:
    return "never ends" if dies == _NEVER else f"ends at {dies}"
