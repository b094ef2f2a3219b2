"""What a subscriber is told, one struct a kind; `telling` has the words, and each format its frame."""

from typing import Literal, NamedTuple

import msgspec

from messenger import messages
from messenger.entries import Entry, EntryId
from messenger.events import MessageErased, MessagePosted


class Held(msgspec.Struct, frozen=True, gc=False):
    """A living message, already encoded: the same bytes go to every reader."""

    id: EntryId
    expires_at: int
    body: bytes


class Erased(msgspec.Struct, frozen=True, gc=False):
    """A message was erased before its time. `expires_at` is when nobody can have it any more."""

    id: EntryId
    expires_at: int
    room: str
    message: str
    by: Literal["author", "operator"]


class Hello(msgspec.Struct, frozen=True):
    """The first thing on a stream: where it begins, the store's clock to count down by, and how many
    are in the room, this reader among them."""

    cursor: EntryId
    epoch: str
    now: int
    window: int
    here: int


class Gap(msgspec.Struct, frozen=True):
    """Messages between `after` and `until` are missing, and why: their time was over (`expired`),
    they were cut because the store was full (`trimmed`), or the history began anew (`reset`)."""

    reason: Literal["expired", "trimmed", "reset"]
    after: EntryId
    until: EntryId


class Present(msgspec.Struct, frozen=True, gc=False):
    """How many are in the room now, over all web processes. It is no entry of the log, so it has no id
    and moves no cursor."""

    room: str
    here: int


class Beat(msgspec.Struct, frozen=True, gc=False):
    """A quiet stream lives, and its reader has everything up to `position`: so a quiet room's cursor
    does not fall out of the window."""

    position: EntryId
    now: int


class Farewell(msgspec.Struct, frozen=True):
    """The last thing on a stream: why it ends. In all cases a reader resumes by its last id."""

    reason: Literal["slow", "restart", "unavailable"]


class Told(NamedTuple):
    """An event as every format tells it: its name, its data as JSON, and the id that a reader resumes
    by; without an id it moves no cursor."""

    name: bytes
    data: bytes
    id: bytes = b""


Live = Held | Erased | Hello | Gap | Present | Beat | Farewell | Told


def live_of(entry: Entry, window: int) -> tuple[str, Held | Erased] | None:
    """An entry's room and what is told of it; None for what is not ours to tell."""
    entry_id, event, _ = entry
    if isinstance(event, MessagePosted):
        message = messages.of(entry_id, event)
        return event.room, Held(entry_id, message.expires_at, messages.encode(message))
    if isinstance(event, MessageErased):
        # Whatever an id claims, what was erased was posted before this.
        expires_at = min(EntryId.parse(event.message).ms, entry.id.ms) + window
        return event.room, Erased(entry.id, expires_at, event.room, event.message, event.by)
    return None
