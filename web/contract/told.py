"""What streams and sockets tell, what a socket takes and how it ends: once for all formats."""

from typing import Any, Literal

import msgspec

from messenger.fields import EXAMPLE_ID
from messenger.messages import Message
from web import shapes
from web.contract import parts
from web.contract.codes import CODES
from web.inbox import SocketPost, SocketPosted, SocketRefused

# Which readers are told it: those of a room's stream or socket, those of the firehose, or the one who
# posted by a socket.
Reader = Literal["room", "firehose", "poster"]
_ALL: tuple[Reader, ...] = ("room", "firehose")
_EPOCH = "1764000000000-6f1d"
_GAP = {"reason": "expired", "after": EXAMPLE_ID, "until": "1764000004711-0"}
_POST = {"post": {"text": "hello", "ttl": "30s"}, "key": "4711"}


class Event(msgspec.Struct, frozen=True):
    """An event by its name on the wire. `has_id` tells whether it moves its reader's cursor."""

    name: str
    kind: type
    readers: tuple[Reader, ...]
    has_id: Literal["always", "sometimes", "never"]
    when: str
    example: dict[str, Any]


EVENTS = (
    Event(
        "hello",
        shapes.Hello,
        ("room",),
        "always",
        "First, on every connection. Its id is where the stream begins.",
        {
            "cursor": EXAMPLE_ID,
            "epoch": _EPOCH,
            "now": parts.NOW,
            "window": 900_000,
            "here": 1,
        },
    ),
    Event(
        "hello",
        shapes.FirehoseHello,
        ("firehose",),
        "always",
        "First, on every connection. Its id is where the stream begins.",
        {
            "cursor": EXAMPLE_ID,
            "epoch": _EPOCH,
            "now": parts.NOW,
            "window": 900_000,
            "partitions": 1,
        },
    ),
    Event("message", Message, _ALL, "always", "Somebody posted.", parts.A_MESSAGE),
    Event(
        "erased",
        shapes.Erased,
        _ALL,
        "always",
        "A message was erased before its time.",
        {"room": "lobby", "message": EXAMPLE_ID, "by": "author"},
    ),
    Event(
        "present",
        shapes.Present,
        ("room",),
        "never",
        "Another number of readers is in the room: at most twice a second.",
        {"room": "lobby", "here": 3},
    ),
    Event(
        "gap",
        shapes.Gap,
        ("room",),
        "sometimes",
        "Something between two ids is missing. Only a `reset` has an id: messages from before the end "
        "of another gap may follow it.",
        _GAP,
    ),
    Event(
        "gap",
        shapes.PartitionGap,
        ("firehose",),
        "sometimes",
        "Something between two ids of a partition is missing. Only a `reset` has an id.",
        _GAP | {"partition": 0},
    ),
    Event(
        "heartbeat",
        shapes.Heartbeat,
        _ALL,
        "always",
        "Every 15 seconds, and after what follows a gap. In server-sent events it is a comment and an "
        "id without data: nothing is shown, and the reader's last id moves on.",
        {"now": parts.NOW},
    ),
    Event(
        "farewell",
        shapes.Farewell,
        _ALL,
        "never",
        "Last: why the stream ends. Come back with the last id.",
        {"reason": "restart"},
    ),
    Event(
        "posted",
        SocketPosted,
        ("poster",),
        "never",
        "The answer to a post by this socket; the message itself comes before it.",
        parts.A_MESSAGE
        | {"expires_in": 30_000, "erase_token": "9b74c9897bac770ffc029102a200c5de", "key": "4711"},
    ),
    Event(
        "refused",
        SocketRefused,
        ("poster",),
        "never",
        "The refusal of a post by this socket, or of a frame that asks for something else.",
        CODES["too-long"].problem("/api/rooms/lobby/socket") | {"key": "4711"},
    ),
)
POST: tuple[type, dict[str, Any]] = (SocketPost, _POST)


class Close(msgspec.Struct, frozen=True):
    """A close code of a WebSocket, why it comes, and when to come back."""

    code: int
    why: str
    come_back: str


CLOSES = (
    Close(1000, "the client closed; it gets its own code back", "as it likes"),
    Close(1002, "a frame breaks the protocol", "no: the client is wrong"),
    Close(1003, "a binary message", "no"),
    Close(1007, "a message is not UTF-8 or not JSON", "no"),
    Close(1009, "a message of more than 4 KiB", "yes, without it"),
    Close(1011, "a mistake of ours; the log has its traceback", "after 5 seconds"),
    Close(
        1012,
        "the process stops, after `farewell` `restart` and the answer to the post that was under way",
        "after a random 0.5 to 3 seconds",
    ),
    Close(
        1013,
        "the history could not be read any more, after `farewell` `unavailable`",
        "after a second",
    ),
    Close(4008, "more than 256 KiB were unread, after `farewell` `slow`", "at once"),
)


def told_to(*readers: Reader) -> tuple[Event, ...]:
    return tuple(event for event in EVENTS if set(readers) & set(event.readers))


def example_id(event: Event) -> str | None:
    """The id that an event's example has; it is its own where it says so."""
    if event.has_id != "always":
        return None
    return str(event.example.get("cursor") or event.example.get("id") or "1764000004711-0")


def as_stream(event: Event) -> str:
    """An example as server-sent events have it."""
    data = msgspec.json.encode(event.example).decode()
    if event.name == "heartbeat":
        return f": {data}\nid: {example_id(event)}\n\n"
    entry_id = example_id(event)
    identity = "" if entry_id is None else f"id: {entry_id}\n"
    return f"{identity}event: {event.name}\ndata: {data}\n\n"


def as_frame(event: Event) -> dict[str, Any]:
    """An example as a WebSocket's message has it."""
    entry_id = example_id(event)
    named = {} if entry_id is None else {"id": entry_id}
    return {"event": event.name, **named, "data": event.example}
