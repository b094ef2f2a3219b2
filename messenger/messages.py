"""A message as every reader is shown it: the view's rows, the feed and the API hold these bytes."""

import msgspec

from messenger.entries import EntryId
from messenger.events import MessagePosted
from messenger.fields import Author, Id, Moment, Room, Text


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message. Show nothing whose `expires_at` is past."""

    id: Id
    room: Room
    author: Author
    text: Text
    created_at: Moment
    expires_at: Moment


_encoder = msgspec.json.Encoder()
decode = msgspec.json.Decoder(Message).decode


def of(entry_id: EntryId, posted: MessagePosted) -> Message:
    ms, seq = entry_id
    # By their places: names would take as long again.
    return Message(f"{ms}-{seq}", posted.room, posted.author, posted.text, ms, ms + posted.ttl)


def encode(message: Message) -> bytes:
    """One line of JSON: no line break in it, whatever the text."""
    return _encoder.encode(message)
