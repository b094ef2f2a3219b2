"""A message as every reader is shown it: the view's rows, the feed and the API hold these bytes."""

import msgspec

from messenger.entries import EntryId
from messenger.events import MessagePosted


class Message(msgspec.Struct, frozen=True, gc=False):
    """Times are milliseconds since 1970, by the store's clock."""

    id: str
    room: str
    author: str
    text: str
    created_at: int
    expires_at: int


_encoder = msgspec.json.Encoder()
decode = msgspec.json.Decoder(Message).decode


def of(entry_id: EntryId, posted: MessagePosted) -> Message:
    return Message(
        id=str(entry_id),
        room=posted.room,
        author=posted.author,
        text=posted.text,
        created_at=entry_id.ms,
        expires_at=entry_id.ms + posted.ttl,
    )


def encode(message: Message) -> bytes:
    """One line of JSON: no line break in it, whatever the text."""
    return _encoder.encode(message)
