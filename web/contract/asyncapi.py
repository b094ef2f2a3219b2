"""The AsyncAPI 3.0 document: the log in the store, the streams and the sockets."""

from typing import Any

import messenger
from messenger.events import FORMS
from messenger.values import MOST_PARTITIONS
from web.contract import parts
from web.contract.asyncapi_messages import messages, names
from web.contract.description import Parameter, Schema
from web.contract.openapi import SECURITY
from web.contract.schemas import entry_name, schemas
from web.contract.streams import FIREHOSE_EVENTS, FIREHOSE_SOCKET, ROOM_EVENTS, ROOM_SOCKET
from web.contract.told import CLOSES
from web.sockets import PROTOCOL

Document = dict[str, Any]

_WORDS = """The log is a Redis Stream for each partition: read it with any client, in any language. \
Streams and sockets tell the same by HTTP and WebSocket. All of it changes only by adding: ignore \
fields, members, types and events that you do not know.

An expired entry can still be in the log for a moment: show nothing whose time is over by the store's \
`TIME`. Ids are two numbers: compare them as numbers. Forget what a `message.erased` names. Deliveries \
to a group are at least once; the entry's id tells you what you have done already."""


def asyncapi() -> Document:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Messenger",
            "version": messenger.__version__,
            "description": _WORDS,
            "license": {"name": "MIT"},
        },
        "defaultContentType": parts.JSON,
        "servers": {"store": _STORE, "web": _server("http"), "websocket": _server("ws")},
        "channels": {
            "log": _log(),
            "roomEvents": _channel(ROOM_EVENTS.path, "web", names("sse", "room"), room=True),
            "allEvents": _channel(FIREHOSE_EVENTS.path, "web", names("sse", "firehose")),
            "roomSocket": _socket(
                ROOM_SOCKET.path, [*names("frame", "room", "poster"), "frame.post"], room=True
            ),
            "socket": _socket(FIREHOSE_SOCKET.path, names("frame", "firehose", "poster")),
        },
        "operations": _operations(),
        "components": {
            "schemas": dict(schemas()),
            "messages": messages(),
            "securitySchemes": SECURITY,
        },
    }


_STORE: Document = {
    "host": "{host}",
    "protocol": "redis",
    "description": "The store: Redis 7.0 or newer, or a Valkey. The embedded one listens at the unix "
    "socket `store/socket` in its data folder.",
    "variables": {"host": {"default": "127.0.0.1:6379", "description": "`MESSENGER_STORE_URL`"}},
}


def _server(protocol: str) -> Document:
    host = {"default": "127.0.0.1:8000", "description": "`MESSENGER_HOST` and `MESSENGER_PORT`"}
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": "The web process",
        "variables": {"host": host},
    }


def _log() -> Document:
    names = [entry_name(kind) for kind in FORMS]
    return {
        "address": "messenger:{partition}:log",
        "title": "The log",
        "description": "A stream, one for each partition. Its entries' fields are flat UTF-8 strings, "
        "always in the same order. Write to it only through the API: a plain `XADD` breaks promises.\n\n"
        "A room is in the partition `crc32(room) % partitions`, of the name's UTF-8 bytes; `partitions` "
        "stands in `messenger:{0}:meta`.",
        "servers": [{"$ref": "#/servers/store"}],
        "parameters": {
            "partition": {
                "description": f"The partition's number, from 0 to {MOST_PARTITIONS - 1}, in braces: "
                "they are part of the key.",
                "default": "{0}",
                "examples": ["{0}", "{7}"],
            }
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"redis": {}},
        "x-redis-type": "stream",
    }


def _channel(address: str, server: str, names: list[str], *, room: bool = False) -> Document:
    found: Document = {
        "address": address,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if room:
        found["parameters"] = {"room": {"description": parts.ROOM.description}}
    return found


def _socket(address: str, names: list[str], *, room: bool = False) -> Document:
    query = parts.ROOM_CURSOR if room else (parts.ROOMS, *parts.FIREHOSE_CURSOR)
    return _channel(address, "websocket", names, room=room) | {
        "bindings": {"ws": {"method": "GET", "query": _query(query), "bindingVersion": "0.1.0"}},
        "x-subprotocol": PROTOCOL,
        "x-close-codes": [
            {"code": each.code, "why": each.why, "come-back": each.come_back} for each in CLOSES
        ],
    }


def _query(parameters: tuple[Parameter, ...]) -> Schema:
    asked = [each for each in parameters if each.where == "query"]
    properties = {each.name: {**each.schema, "description": each.description} for each in asked}
    return {"type": "object", "properties": properties}


def _operations() -> Document:
    room, firehose = parts.ROOM_CURSOR, (parts.ROOMS, *parts.FIREHOSE_CURSOR)
    secured = [{"$ref": "#/components/securitySchemes/operatorToken"}]
    answers = [_in_channel("roomSocket", f"frame.{name}") for name in ("posted", "refused")]
    return {
        "appendToLog": _sends("log", "What the messenger appends, and anybody may read."),
        "tellRoom": _sends("roomEvents", "A room by server-sent events.", room),
        "tellAll": _sends("allEvents", "All rooms by server-sent events.", firehose)
        | {"security": secured},
        "tellRoomSocket": _sends("roomSocket", "A room by a WebSocket.")
        | {
            "messages": [
                _in_channel("roomSocket", name) for name in names("frame", "room", "poster")
            ]
        },
        "tellSocket": _sends("socket", "All rooms by a WebSocket.") | {"security": secured},
        "takePost": {
            "action": "receive",
            "summary": "Posts of a room's socket: appended and answered in the order they were sent.",
            "channel": {"$ref": "#/channels/roomSocket"},
            "messages": [_in_channel("roomSocket", "frame.post")],
            "reply": {"channel": {"$ref": "#/channels/roomSocket"}, "messages": answers},
        },
    }


def _sends(channel: str, summary: str, query: tuple[Parameter, ...] = ()) -> Document:
    found: Document = {
        "action": "send",
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
    }
    if query:
        http = {"method": "GET", "query": _query(query), "bindingVersion": "0.3.0"}
        found["bindings"] = {"http": http}
    return found


def _in_channel(channel: str, name: str) -> Document:
    return {"$ref": f"#/channels/{channel}/messages/{name}"}
