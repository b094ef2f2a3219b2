"""A room by a WebSocket: the events of the stream, with the same ids; and posts."""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial

from aiohttp import WSMsgType, web
from aiohttp.http import HttpVersion11

from messenger.errors import UpgradeRequired
from web import frames
from web.answers import EVERYWHERE
from web.appkeys import CONNECTIONS, FEED, METRICS
from web.guard import refuse_cross_origin, refuse_when_stopping
from web.inbox import Inbox
from web.live import Told
from web.metrics import Metrics
from web.queries import cursor_of, room_of
from web.sources import RoomSource, Source, play
from web.subscriber import SLOW_BYTES, Ending, Subscriber
from web.transport import TransportSink, sink_of

log = logging.getLogger(__name__)

PROTOCOL = "messenger.v1"
LONGEST_FRAME = 4 * 1024
# One that has sent nothing for so long is pinged, and dead if nothing comes in half of it.
_PING_S = 15.0
# The other end may take so long to take leave; what it posted before comes first.
_LEAVE_S = 1.0
_LAST_POSTS_S = 0.5

# RFC 6455, 7.4; 4000 and up are ours. docs/http.md says what each means for the other end.
_PROTOCOL_ERROR, _UNSUPPORTED, _INVALID, _INTERNAL = 1002, 1003, 1007, 1011
_RESTART, _AWAY, _SLOW = 1012, 1013, 4008
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)


async def room_socket(request: web.Request) -> web.StreamResponse:
    require_upgrade(request)
    room = room_of(request)
    return await converse(request, RoomSource(request.app[FEED], room, cursor_of(request)), room)


def require_upgrade(request: web.Request) -> None:
    """Before any byte of a socket: another site's page may not open one with its reader's browser, and
    who does not ask for a WebSocket is told to."""
    refuse_cross_origin(request)
    if request.version < HttpVersion11 or not _can_shake_hands(request):
        raise UpgradeRequired("this path speaks WebSocket alone, version 13, over HTTP/1.1")


def _can_shake_hands(request: web.Request) -> bool:
    try:
        return bool(web.WebSocketResponse(protocols=(PROTOCOL,)).can_prepare(request))
    except ValueError:  # aiohttp decodes any key that is not ASCII
        return False


class Socket(web.WebSocketResponse):
    """aiohttp shakes hands, reads and pings. What is told goes past it, straight to the transport; and
    so does the end, which is said once and then waited for: a connection that is closed while bytes
    still come is reset, and what was said last may go with it (as in RFC 9112, 9.6)."""

    def __init__(self, sink: TransportSink) -> None:
        super().__init__(
            autoclose=False,
            autoping=False,
            heartbeat=_PING_S,
            compress=False,
            max_msg_size=LONGEST_FRAME + 1,
            protocols=(PROTOCOL,),
        )
        self.headers.update(EVERYWHERE)
        self.subscriber = Subscriber(frames.encode, sink)
        self._sink = sink
        self.has_hung_up = False

    def say(self, told: Told) -> None:
        """Tells this reader alone, and does not wait for its history."""
        self._put(frames.encode([told]))

    def answer_ping(self, payload: bytes) -> None:
        self._put(frames.pong(payload))

    def hang_up(self, code: int | None) -> None:
        """The last that is said; the other end has a moment to take leave."""
        if self.has_hung_up:
            return
        self.has_hung_up = True
        self.subscriber.end("left")
        if not self._sink.is_closing():
            self._sink.write(frames.close(code))
        self._sink.cut(_LEAVE_S)

    def cut(self) -> None:
        """Nobody is there to take leave."""
        self._sink.cut(0)

    async def close(self, *, code: int = 1000, message: bytes = b"", drain: bool = True) -> bool:
        """What aiohttp ends a socket by when a frame breaks the protocol."""
        self.hang_up(code)
        return True

    def _put(self, data: bytes) -> None:
        if self.has_hung_up or self._sink.is_closing():
            return
        if self._sink.unread() > SLOW_BYTES:
            self.subscriber.end("slow")
        else:
            self._sink.write(data)


async def converse(request: web.Request, source: Source, room: str | None) -> web.StreamResponse:
    """Serves a source by a WebSocket, and takes what its client posts to the room, if there is one."""
    refuse_when_stopping(request)
    with request.app[CONNECTIONS].stay(request):
        return await _converse(request, source, room)


async def _converse(request: web.Request, source: Source, room: str | None) -> web.StreamResponse:
    socket, metrics = Socket(sink_of(request)), request.app[METRICS]
    inbox = Inbox(request, room, socket.say, partial(socket.hang_up, _INVALID))
    subscriber = socket.subscriber
    tasks: list[asyncio.Task[None]] = []
    try:
        opening = await source.begin(subscriber)
        writer = await socket.prepare(request)
        metrics.subscribed()
        subscriber.ended.add_done_callback(partial(_on_ended, socket, inbox, metrics))
        playing = play(opening, subscriber, writer.drain)
        tasks.append(asyncio.create_task(_or_hang_up(socket, playing)))
        await _or_hang_up(socket, _read(socket, inbox))
    finally:
        for task in tasks:
            task.cancel()
        inbox.stop()
        source.leave(subscriber)
    return socket


async def _read(socket: Socket, inbox: Inbox) -> None:
    """Reads until either end has taken leave. After each frame the others have their turn: without it a
    flood of pings held up everybody for a second, with it for a third of a millisecond."""
    while (message := await socket.receive()).type not in _ENDS:
        if message.type is WSMsgType.TEXT:
            await inbox.take(message.data)
        elif message.type is WSMsgType.PING:
            socket.answer_ping(message.data)
        elif message.type is WSMsgType.BINARY:
            socket.hang_up(_UNSUPPORTED)
        del message  # its text may be over before the next one comes
        await asyncio.sleep(0)
    if message.type is WSMsgType.CLOSE:
        await inbox.answered(_LAST_POSTS_S)
        # 1006 says that no code came, and over 4999 there is none: aiohttp lets both pass, but nobody
        # may send them (RFC 6455, 7.4).
        is_one = message.data != 1006 and message.data < 5_000
        socket.hang_up(message.data or None if is_one else _PROTOCOL_ERROR)
    elif socket.has_hung_up:
        await asyncio.sleep(_LEAVE_S)
    else:
        socket.cut()


def _on_ended(
    socket: Socket, inbox: Inbox, metrics: Metrics, ended: asyncio.Future[Ending]
) -> None:
    """Why the stream ended is why the socket does. A stop lets the post that is under way be
    answered."""
    ending = ended.result()
    metrics.ended(ending)
    if ending == "restart":
        hang_up = partial(socket.hang_up, _RESTART)
        inbox.finish(hang_up)
        asyncio.get_running_loop().call_later(_LAST_POSTS_S, hang_up)
    elif ending != "left":
        socket.hang_up(_SLOW if ending == "slow" else _AWAY)


async def _or_hang_up(socket: Socket, work: Coroutine[None, None, None]) -> None:
    """A mistake of ours ends the socket, and is in the log; no answer of HTTP may follow."""
    try:
        await work
    except ConnectionError:
        socket.cut()
    except Exception:
        log.exception("a socket crashed")
        socket.hang_up(_INTERNAL)
