"""Entries of a log and their ids: the id is the message's id, its time and its place in the order."""

import re
from typing import Any, NamedTuple

from messenger.events import Event, Malformed, Vanished, decode

# An id's two halves are unsigned 64-bit numbers (valkey.io/topics/streams-intro).
_HALF = 2**64
_WRITTEN = re.compile(r"(\d{1,20})(?:-(\d{1,20}))?", re.ASCII)


# Past a NamedTuple's own constructor, which is a call in Python: these are made for every entry.
_new = tuple.__new__


class EntryId(NamedTuple):
    """`ms-seq`. Compares as the store orders it: by number, never as text."""

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> "EntryId":
        """Reads `ms` or `ms-seq`; ValueError for anything that no store can have written."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError("an id is <milliseconds>-<number>, such as 1764000000000-0")
        found = cls(int(written[1]), int(written[2] or 0))
        if found.ms >= _HALF or found.seq >= _HALF:
            raise ValueError("each half of an id is below 2^64")
        return found

    @classmethod
    def read(cls, raw: bytes) -> "EntryId":
        """Reads an id that a store has written."""
        ms, _, seq = raw.partition(b"-")
        return _new(cls, (int(ms), int(seq)))

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


START = EntryId(0, 0)


class Entry(NamedTuple):
    """One entry, decoded once at the edge; `event` is None for a type that we do not know.
    `traceparent` is the span of its append (W3C Trace Context), if that was traced."""

    id: EntryId
    event: Event | Malformed | Vanished | None
    traceparent: str | None = None


def read_entry(raw: Any) -> Entry:  # noqa: ANN401  as the store sent it
    """Decodes an entry: its id, and its names and values in turn; none where it was trimmed while it
    was pending."""
    raw_id, flat = raw
    entry_id = EntryId.read(raw_id)
    if not flat:
        return Entry(entry_id, Vanished())
    # Always the last field, so that looking for it costs nothing.
    if flat[-2] == b"traceparent":
        return Entry(entry_id, decode(flat[:-2]), flat[-1].decode("ascii", "replace"))
    return _new(Entry, (entry_id, decode(flat), None))
