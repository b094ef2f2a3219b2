"""The vocabulary of the log: facts in the past tense.

In an entry they are flat UTF-8 strings, always in the same order, because a store keeps equal field
names once: `type`, `room`, then the event's own. It is a public contract: change it only by adding.
Readers ignore fields and types that they do not know.
"""

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from messenger.fields import Author, Id, Milliseconds, Room, Text


class MessagePosted(msgspec.Struct, frozen=True, tag_field="type", tag="message.posted", gc=False):
    """Somebody posted. The entry's id is the message's id; it lives for `ttl` milliseconds."""

    room: Room
    author: Author
    text: Text
    ttl: Milliseconds


class MessageErased(msgspec.Struct, frozen=True, tag_field="type", tag="message.erased", gc=False):
    """The text of `message`, an entry id in the same log, was erased before its time."""

    room: Room
    message: Id
    by: Literal["author", "operator"]


Event = MessagePosted | MessageErased

# The fields of each type's entries, in their order, a form for each version. A post is written in the
# second where it is traced.
# tests/golden/entries.json has an entry of every form, and none may ever be taken out.
FORMS: dict[type[Event], tuple[tuple[str, ...], ...]] = {
    MessagePosted: (
        ("type", "room", "author", "text", "ttl"),
        ("type", "room", "author", "text", "ttl", "traceparent"),
    ),
    MessageErased: (("type", "room", "message", "by"),),
}


class Malformed(msgspec.Struct, frozen=True):
    """An entry of a type that we know, which does not keep to the contract: for the dead letters."""

    reason: str


class Vanished(msgspec.Struct, frozen=True):
    """An entry that was trimmed while it was pending: its time was over before it was applied."""


# Far above any window; a larger life could not be written as a store's time.
_LONGEST_TTL = 10 * 365 * 86_400_000
_TTL_DIGITS = 12


_LAYOUT = [b"type", b"room", b"author", b"text", b"ttl"]


def decode(flat: list[bytes]) -> Event | Malformed | None:
    """The event of an entry's names and values in turn; None for an unknown type.

    By hand and not by msgspec.convert: this is run for every entry by every reader, and is four
    times as fast. An entry as we write it needs no look-up of its fields, which is three times as
    fast again; any other is read by its fields' names.
    """
    if flat[::2] == _LAYOUT and flat[1] == b"message.posted":
        _, _, _, room, _, author, _, text, _, ttl = flat
        try:
            if ttl.isdigit() and len(ttl) <= _TTL_DIGITS and 0 < (life := int(ttl)) <= _LONGEST_TTL:
                return MessagePosted(room.decode(), author.decode(), text.decode(), life)
        except UnicodeDecodeError:
            pass
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    decoder = _DECODERS.get(fields.get(b"type", b""))
    if decoder is None:
        return None
    try:
        return decoder(fields)
    except KeyError as error:
        return Malformed(f"the field {error.args[0].decode()} is missing")
    except UnicodeDecodeError as error:
        # Not the error's own words: they hold the bytes, which may be a message's text.
        return Malformed(f"a field is not UTF-8 at its byte {error.start}")


def _posted(fields: dict[bytes, bytes]) -> MessagePosted | Malformed:
    ttl = fields[b"ttl"]
    # The length first: Python refuses to read a number of thousands of digits.
    if not ttl.isdigit() or len(ttl) > _TTL_DIGITS or not 0 < int(ttl) <= _LONGEST_TTL:
        return Malformed(f"ttl is not a whole number from 1 to {_LONGEST_TTL}")
    room, author, text = fields[b"room"], fields[b"author"], fields[b"text"]
    return MessagePosted(room.decode(), author.decode(), text.decode(), int(ttl))


_ID = re.compile(rb"\d{1,15}-\d{1,20}")
_BY: dict[bytes, Literal["author", "operator"]] = {b"author": "author", b"operator": "operator"}


def _erased(fields: dict[bytes, bytes]) -> MessageErased | Malformed:
    by, message = _BY.get(fields[b"by"]), fields[b"message"]
    if by is None:
        return Malformed("by is neither author nor operator")
    if not _ID.fullmatch(message) or int(message.partition(b"-")[2]) >= 2**64:
        return Malformed("message is not an entry id")
    return MessageErased(fields[b"room"].decode(), message.decode(), by)


_DECODERS: dict[bytes, Callable[[dict[bytes, bytes]], Event | Malformed]] = {
    b"message.posted": _posted,
    b"message.erased": _erased,
}
