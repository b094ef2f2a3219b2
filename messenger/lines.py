"""An event as a line of JSON: what `messenger tail --json` prints and what a replay writes.

A message has the members that it has everywhere; `type` in front of them is the event's own.
"""

from collections.abc import Iterable

import msgspec

from messenger.entries import Entry, EntryId
from messenger.events import MessageErased, MessagePosted


class PostedLine(msgspec.Struct, frozen=True, tag_field="type", tag="message.posted", gc=False):
    """Times are milliseconds since 1970, by the store's clock."""

    id: str
    room: str
    author: str
    text: str
    created_at: int
    expires_at: int


class ErasedLine(msgspec.Struct, frozen=True, tag_field="type", tag="message.erased", gc=False):
    """`erased` is the id of the message whose text is no more."""

    id: str
    room: str
    erased: str
    by: str


Line = PostedLine | ErasedLine

_encoder = msgspec.json.Encoder()
decode = msgspec.json.Decoder(Line).decode


def of(entry: Entry) -> Line | None:
    """None for what is not ours to tell: another type, or an entry that breaks the contract."""
    entry_id, event, _ = entry
    if isinstance(event, MessagePosted):
        ms = entry_id.ms
        return PostedLine(str(entry_id), event.room, event.author, event.text, ms, ms + event.ttl)
    if isinstance(event, MessageErased):
        return ErasedLine(str(entry_id), event.room, event.message, event.by)
    return None


def encode(entries: Iterable[Entry]) -> bytes:
    """A line for each entry that has one, with its line break; no other break is in it."""
    return _encoder.encode_lines([line for entry in entries if (line := of(entry))])


def place(line: bytes) -> tuple[EntryId, str]:
    """The id and the room of a line that was written; ValueError for anything else."""
    found = decode(line)
    return EntryId.parse(found.id), found.room
