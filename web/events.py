"""A room as server-sent events: history, then live, until the reader or the process leaves."""

import asyncio
from functools import partial

from aiohttp import web
from aiohttp.http import HttpVersion11

from messenger.errors import Stopping
from web import sse
from web.answers import EVERYWHERE
from web.appkeys import FEED, METRICS, STOP
from web.live import Live
from web.queries import cursor_of, room_of
from web.subscriber import Ending, Subscriber

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    **EVERYWHERE,
}
# How long a reader that is cut may take for what it was already sent.
_LINGER_S = 2.0
# A history is sent in pieces of so many events; one that is not taken in this time ends the stream.
_PIECE = 100
_TAKE_S = 5.0


class TransportSink:
    """A connection's transport, written to directly: it never waits, and joins what it can."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def unread(self) -> int:
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


async def events(request: web.Request) -> web.StreamResponse:
    room, cursor = room_of(request), cursor_of(request)
    feed, metrics = request.app[FEED], request.app[METRICS]
    if request.app[STOP].is_set():
        raise Stopping("this process is stopping; connect again in a moment")
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the reader has gone")
    if request.version >= HttpVersion11:
        subscriber = Subscriber(sse.encode_chunk, sse.chunk, TransportSink(transport))
    else:
        subscriber = Subscriber(sse.encode, bytes, TransportSink(transport))
    subscriber.ended.add_done_callback(partial(_cut_slow, transport))
    try:
        opening = await feed.subscribe(room, cursor, subscriber)
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        metrics.subscribed()
        if await _send(response, opening):
            subscriber.open()
        else:
            subscriber.end("slow")
        await subscriber.ended
    finally:
        feed.unsubscribe(room, subscriber)
        if subscriber.ended.done():
            metrics.ended(subscriber.ended.result())
    return response


async def _send(response: web.StreamResponse, opening: list[Live]) -> bool:
    """Sends what comes before the gate opens, a piece at a time; whether the reader took it."""
    try:
        for at in range(0, len(opening), _PIECE):
            async with asyncio.timeout(_TAKE_S):
                await response.write(sse.encode(opening[at : at + _PIECE]))
    except TimeoutError:
        return False
    return True


def _cut_slow(transport: asyncio.Transport, ended: asyncio.Future[Ending]) -> None:
    """Ends a connection whose reader does not read, also where its handler still waits to write to
    it; what it was sent has a moment to arrive."""
    if not ended.cancelled() and ended.result() == "slow":
        transport.close()
        asyncio.get_running_loop().call_later(_LINGER_S, transport.abort)
