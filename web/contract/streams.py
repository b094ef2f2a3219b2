"""The routes that answer for as long as the reader stays."""

from web.contract import parts
from web.contract.description import Answer, Group, Header, Route, Schema
from web.contract.told import as_stream, told_to

GROUP = Group(
    "Streams",
    "What is said, as it is said: by server-sent events or by a WebSocket, with the same events, data "
    "and ids. First comes what lives after the cursor, then what comes, without a hole or a double. "
    "What is told is described in `/asyncapi.json`, and on this page under Events.",
)

_HOST = "http://127.0.0.1:8000"
_TEXT: Schema = {"type": "string"}
_TOLD = "retry: 1842\n" + "".join(as_stream(event) for event in told_to("room")[:2])
_FIREHOSE_TOLD = "retry: 1842\n" + "".join(as_stream(event) for event in told_to("firehose")[:2])
_STREAMED = "Events, until the reader or the process leaves. It has no `HEAD`."
_SWITCHED = Answer(
    101,
    "From here on the connection is a WebSocket.",
    headers=(
        Header("Upgrade", "What it is from now on.", "websocket"),
        Header("Sec-WebSocket-Accept", "As RFC 6455 makes it.", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ),
)
_SHAKE_HANDS = (
    'curl -i -N -H "Connection: Upgrade" -H "Upgrade: websocket" \\\n'
    '  -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" \\\n'
)
_AS_OPERATOR = '-H "Authorization: Bearer $MESSENGER_ADMIN_TOKEN" \\\n'

ROOM_EVENTS = Route(
    method="GET",
    path="/api/rooms/{room}/events",
    id="streamRoom",
    group=GROUP.name,
    summary="Follow a room by server-sent events",
    description="A browser's `EventSource` reads it, and resumes by itself. A message says when it "
    "expires, and no event says it again: take it off the screen at `expires_at`, by the clock of "
    "`hello.now`.\n\n"
    "A reader that leaves more than 256 KiB unread is cut, with `farewell` `slow` if it still reads; it "
    "resumes by its last id.",
    parameters=(parts.ROOM, *parts.ROOM_CURSOR),
    answers=(Answer(200, _STREAMED, {parts.EVENT_STREAM: _TEXT}, example=_TOLD),),
    refusals=(
        *parts.IN_ROOM,
        "bad-cursor",
        "too-many-connections",
        "store-unavailable",
        "repartitioning",
        "stopping",
    ),
    curl=f"curl -N '{_HOST}/api/rooms/lobby/events?after=0-0'",
)
ROOM_SOCKET = Route(
    method="GET",
    path="/api/rooms/{room}/socket",
    id="openRoomSocket",
    group=GROUP.name,
    summary="Follow a room by a WebSocket, and post to it",
    description="The stream's events, with the same ids and data, and posts; HTTP/1.1. Each message is "
    "one JSON object. A client that offers the subprotocol `messenger.v1` gets it; none is needed. What "
    "is wrong with the request is answered by a problem before the upgrade.",
    parameters=(parts.ROOM, *parts.ROOM_CURSOR),
    answers=(_SWITCHED,),
    refusals=(
        *parts.IN_ROOM,
        "upgrade-required",
        "cross-origin",
        "bad-cursor",
        "too-many-connections",
        "store-unavailable",
        "repartitioning",
        "stopping",
    ),
    curl=f"{_SHAKE_HANDS}  '{_HOST}/api/rooms/lobby/socket'",
)
FIREHOSE_EVENTS = Route(
    method="GET",
    path="/api/events",
    id="streamAll",
    group=GROUP.name,
    summary="Follow all rooms by server-sent events",
    description="The firehose, for who holds the operator's token: all rooms of all partitions, or some "
    "by name. Each room's messages come in its order, and those of a partition in its log's; there is "
    "no order between partitions.",
    parameters=(parts.ROOMS, *parts.FIREHOSE_CURSOR),
    answers=(Answer(200, _STREAMED, {parts.EVENT_STREAM: _TEXT}, example=_FIREHOSE_TOLD),),
    refusals=(
        "not-allowed",
        "bad-query",
        "bad-room",
        "bad-cursor",
        "too-many-connections",
        "store-unavailable",
        "repartitioning",
        "stopping",
    ),
    tokens=("operatorToken",),
    curl=f"curl -N {_AS_OPERATOR}  '{_HOST}/api/events?after=0-0'",
)
FIREHOSE_SOCKET = Route(
    method="GET",
    path="/api/socket",
    id="openSocket",
    group=GROUP.name,
    summary="Follow all rooms by a WebSocket",
    description="The firehose by a WebSocket, for who holds the operator's token. It takes no posts: it "
    "is no room's.",
    parameters=(parts.ROOMS, *parts.FIREHOSE_CURSOR),
    answers=(_SWITCHED,),
    refusals=(
        "upgrade-required",
        "cross-origin",
        "not-allowed",
        "bad-query",
        "bad-room",
        "bad-cursor",
        "too-many-connections",
        "store-unavailable",
        "repartitioning",
        "stopping",
    ),
    tokens=("operatorToken",),
    curl=f"{_SHAKE_HANDS}  {_AS_OPERATOR}  '{_HOST}/api/socket'",
)

ROUTES = (ROOM_EVENTS, ROOM_SOCKET, FIREHOSE_EVENTS, FIREHOSE_SOCKET)
