"""A room as server-sent events: history, then live, until the reader or the process leaves."""

import asyncio
from functools import partial

from aiohttp import web
from aiohttp.http import HttpVersion11

from web import sse
from web.answers import EVERYWHERE
from web.appkeys import CONNECTIONS, FEED, METRICS
from web.guard import refuse_when_stopping
from web.metrics import Metrics
from web.queries import cursor_of, room_of
from web.sources import RoomSource, Source, play
from web.subscriber import Ending, Subscriber
from web.transport import TransportSink, sink_of

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    **EVERYWHERE,
}
# How long a reader that is cut may take for what it was already sent.
_LINGER_S = 2.0
_LEAVE_S = 1.0


async def events(request: web.Request) -> web.StreamResponse:
    source = RoomSource(request.app[FEED], room_of(request), cursor_of(request))
    return await stream(request, source)


async def stream(request: web.Request, source: Source) -> web.StreamResponse:
    """Serves a source as server-sent events."""
    refuse_when_stopping(request)
    with request.app[CONNECTIONS].stay(request):
        return await _stream(request, source)


async def _stream(request: web.Request, source: Source) -> web.StreamResponse:
    sink = sink_of(request)
    encode = sse.encode_chunk if request.version >= HttpVersion11 else sse.encode
    subscriber = Subscriber(encode, sink)
    metrics = request.app[METRICS]
    subscriber.ended.add_done_callback(partial(_on_ended, sink, metrics))
    try:
        opening = await source.begin(subscriber)
        response = web.StreamResponse(headers=_HEADERS)
        writer = await response.prepare(request)
        assert writer is not None
        metrics.subscribed()
        await play(opening, subscriber, writer.drain)
        if await subscriber.ended == "restart":
            # Of a process that goes on the connection may be used again.
            await response.write_eof()
            sink.spare()
    finally:
        source.leave(subscriber)
    return response


def _on_ended(sink: TransportSink, metrics: Metrics, ended: asyncio.Future[Ending]) -> None:
    """Ends a connection whose reader does not read, also where its handler still waits to write to
    it; what it was sent has a moment to arrive, and at a stop a shorter one."""
    if ended.cancelled():
        return
    metrics.ended(ended.result())
    if ended.result() == "slow":
        sink.close(_LINGER_S)
    elif ended.result() == "restart":
        sink.cut(_LEAVE_S)
