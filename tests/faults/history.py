"""What a round has seen: what was sent, answered, and read by whom; what the store holds at last.

Ids are EntryId, times are milliseconds of the machine's clock, which is the store's unless a fault has
set that one.
"""

import time
from typing import Literal

import msgspec

from messenger.entries import EntryId


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Write(msgspec.Struct):
    """One message that somebody wanted to say, under one key, however often it was sent. `id` None:
    nobody ever answered 201, and it may or may not be there."""

    writer: str
    room: str
    text: str
    id: EntryId | None = None
    expires_at: int = 0
    answered_at: int = 0
    # From the answer, to be compared with what was asked.
    answered_text: str = ""
    is_erased: bool = False
    erased_at: int = 0
    # An erasure was asked for, and may have been done.
    may_be_erased: bool = False


class Seen(msgspec.Struct, frozen=True):
    """What a stream told its reader. `id` is a message's; a gap reaches from `after` to `until`."""

    kind: Literal["message", "erased", "gap"]
    id: EntryId
    text: str = ""
    expires_at: int = 0
    at: int = 0
    reason: str = ""
    after: EntryId = EntryId(0, 0)
    until: EntryId = EntryId(0, 0)


class Reading(msgspec.Struct):
    """One reader of one room, from the log's start, over all its connections."""

    name: str
    room: str
    events: list[Seen] = []
    # Until then it had no place in the log yet: who begins is told of what lives.
    began_at: int = 0
    connections: int = 0

    def messages(self) -> list[Seen]:
        return [event for event in self.events if event.kind == "message"]

    def gaps(self) -> list[Seen]:
        return [event for event in self.events if event.kind == "gap"]


class Served(msgspec.Struct, frozen=True):
    """One message in one answer. `asked_at` is when the request left: what was over by then is late;
    `read_at` is when the answer had come."""

    path: str
    id: EntryId
    room: str
    text: str
    expires_at: int
    asked_at: int
    read_at: int = 0


class Stored(msgspec.Struct):
    """What the store holds at the end. `rows` are the view's texts by room, in the index's order."""

    now: int
    # The furthest that the store's clock has ever been.
    furthest: int = 0
    log: dict[EntryId, tuple[str, str, int]] = {}  # id -> room, text, ttl
    erased: set[EntryId] = set()
    rows: dict[str, list[str]] = {}
    pages: dict[str, list[str]] = {}  # what the web processes say, by process and room
    posted: int = 0  # the minutes' counts
    expired_unprocessed: int = 0
    # How many messages were ever appended to this history.
    appended: int = 0
    pending: int = 0
    # Up to here the log was cut before its time, for want of room.
    trimmed_to: EntryId = EntryId(0, 0)


class History(msgspec.Struct):
    writes: list[Write] = []
    readings: list[Reading] = []
    served: list[Served] = []
    # Until this time what was accepted may be lost: the fault is one that no promise covers.
    forgiven: list[tuple[int, int]] = []
    # What was shown then, and not accepted, may be gone: readers may be ahead of replicas.
    unconfirmed: list[tuple[int, int]] = []
    # The log was deleted and its counts were not: they are of more than this history.
    counts_are_older: bool = False
    slowest_refusal_s: float = 0.0
    refusals: dict[str, int] = {}
    # What a process or an answer did that none may: words, each is a defect.
    complaints: list[str] = []

    def is_forgiven(self, *times: int) -> bool:
        """Whether one of these times is in what is forgiven: a message may have been stored in it, and
        answered or told of after it."""
        return _is_in(self.forgiven, times)

    def may_be_gone(self, *times: int) -> bool:
        """The same of a message that somebody has seen."""
        return _is_in(self.forgiven + self.unconfirmed, times)


def _is_in(spans: list[tuple[int, int]], times: tuple[int, ...]) -> bool:
    return any(begin <= at <= end for begin, end in spans for at in times)
