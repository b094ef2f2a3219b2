"""A connection's transport as a sink: written to directly, past aiohttp."""

import asyncio

from aiohttp import web


class TransportSink:
    """It never waits, and joins what it can."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._cut: asyncio.TimerHandle | None = None
        # The transport's own, and no methods round them: each delivery calls all three.
        self.write = transport.write
        self.unread = transport.get_write_buffer_size
        self.is_closing = transport.is_closing

    def close(self, linger_s: float) -> None:
        """What was written has a moment to arrive; then the connection is cut."""
        self._transport.close()
        self.cut(linger_s)

    def cut(self, after_s: float) -> None:
        self._cut = asyncio.get_running_loop().call_later(after_s, self._transport.abort)

    def spare(self) -> None:
        """It has ended well, and is not to be cut."""
        if self._cut is not None:
            self._cut.cancel()


def sink_of(request: web.Request) -> TransportSink:
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the reader has gone")
    return TransportSink(transport)
