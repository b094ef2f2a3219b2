"""What goes over the wire, one struct a shape: the bodies of answers and the data of events. The
contract's schemas are made of them. Where bytes are made by hand, for speed, tests hold them to these.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from messenger.fields import EXAMPLE_ID, Cursor, Id, Milliseconds, Moment, Readers, Room
from messenger.messages import Message

# With several partitions a cursor names a place in each (web/cursors.py).
Place = Annotated[
    str,
    Meta(
        description="Where a reader stands in every partition: an entry id where there is one "
        "partition. Give it back as it was told, to go on after it.",
        examples=[EXAMPLE_ID],
    ),
]
Number = Annotated[int, Meta(extra_json_schema={"minimum": 0})]
Epoch = Annotated[
    str,
    Meta(
        description="The identity of the log's history. Another one means that the log was emptied "
        "or made anew.",
        examples=["1764000000000-6f1d"],
    ),
]


class Gap(msgspec.Struct, frozen=True):
    """Something between two ids is missing: messages whose time was over (`expired`), messages that
    were cut before their time (`trimmed`), or all of an earlier history (`reset`)."""

    reason: Literal["expired", "trimmed", "reset"]
    after: Cursor
    until: Cursor


class PartitionGap(Gap, frozen=True):
    """A gap in one partition's log. A room is in the partition `crc32(name) % partitions`."""

    partition: Number


class Hello(msgspec.Struct, frozen=True):
    """The first event: where the stream begins, the store's clock to count down by, the longest life of
    a message, and how many are in the room, this reader among them."""

    cursor: Cursor
    epoch: Epoch
    now: Moment
    window: Milliseconds
    here: Readers


class FirehoseHello(msgspec.Struct, frozen=True):
    """The first event of the firehose. `epoch` has one for each partition, with commas between."""

    cursor: Place
    epoch: Epoch
    now: Moment
    window: Milliseconds
    partitions: Number


class Erased(msgspec.Struct, frozen=True):
    """A message was erased before its time: take it off the screen, and out of what you have stored."""

    room: Room
    message: Id
    by: Literal["author", "operator"]


class Present(msgspec.Struct, frozen=True):
    """Another number of readers is in the room than this one was told."""

    room: Room
    here: Readers


class Heartbeat(msgspec.Struct, frozen=True):
    """A quiet stream lives. Its id counts: the reader has everything up to it."""

    now: Moment


class Farewell(msgspec.Struct, frozen=True):
    """The last event: why the stream ends. In all cases come back with the last id."""

    reason: Literal["slow", "restart", "unavailable"]


class MessagePage(msgspec.Struct, frozen=True):
    """A page of messages in chat order, the oldest first. A stream that begins after `cursor` goes on
    exactly where the newest page ends."""

    now: Moment
    cursor: Cursor
    messages: list[Message]


class Polled(MessagePage, frozen=True):
    """What came after an id. `erased` are messages to take off the screen; `gap` is null where nothing
    is missing. Ask again with `after` = `cursor`."""

    erased: list[Id]
    gap: Gap | None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal (RFC 9457). Compare `code`, which is stable, and not the words. Some codes add members;
    a message's text is never among them."""

    type: Annotated[str, Meta(description="`urn:messenger:problem:` and the code.")]
    title: Annotated[str, Meta(description="The kind of the refusal, in words.")]
    status: Annotated[int, Meta(extra_json_schema={"minimum": 400, "maximum": 599})]
    detail: Annotated[str, Meta(description="One sentence: what is wrong, and what is allowed.")]
    instance: Annotated[str, Meta(description="The path that was asked for.")]
    code: Annotated[str, Meta(description="What programs compare.")]
    limit: Annotated[int, Meta(description="The most that is allowed.")] | UnsetType = UNSET
    got: Annotated[int, Meta(description="How much was given.")] | UnsetType = UNSET
    lowest: Annotated[int, Meta(description="The least that is allowed.")] | UnsetType = UNSET
    highest: Annotated[int, Meta(description="The most that is allowed.")] | UnsetType = UNSET
    character: Annotated[str, Meta(description="The character, as `U+202E`.")] | UnsetType = UNSET
    index: Annotated[int, Meta(description="Where it stands, from 0.")] | UnsetType = UNSET
    wanted: Annotated[str, Meta(description="The media type that is taken.")] | UnsetType = UNSET
    retry_after: (
        Annotated[int, Meta(description="Seconds to wait, where there are no headers.")] | UnsetType
    ) = UNSET


class Live(msgspec.Struct, frozen=True):
    """The process runs."""

    status: Literal["live"]


class Health(msgspec.Struct, frozen=True):
    """`ready` serves; `degraded` serves, but a promise is in danger; `unready` is not to be asked."""

    status: Literal["ready", "degraded", "unready"]
    problems: Annotated[list[str], Meta(description="What is wrong, a sentence for each.")]
