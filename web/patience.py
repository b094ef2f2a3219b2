"""How long a connection may keep us waiting: for a request's head, and for an answer to be taken.

aiohttp ends a connection that is idle between two requests, and no other: a head may come byte by byte
until then, and an answer that is not read is kept for ever.
"""

import asyncio
import fcntl
import socket
import struct
import termios

from aiohttp.http import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from messenger.errors import TooSlow

# A head has so long, from the connection's beginning or from its own first byte; and so many bytes
# before its end is there.
HEAD_S = 10.0
HEAD_BYTES = 64 * 1024
# Of what lies here unread so much must be taken in so long, or the connection is cut: 300 bytes a second
# are slower than any line that a person can use.
TAKE_S = 30.0
_TAKEN_BYTES = 8 * 1024


class PatientHandler(RequestHandler):
    __slots__ = ("_head_bytes", "_stalled", "_unread_bytes")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._head_bytes = 0
        self._stalled: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._head_bytes = 0  # a request is being handled
        elif data:
            self._take_head(len(data))

    def _take_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._refuse(HttpProcessingError(message="the head is too large"))
        elif self._head_bytes == size:
            self._expect_head()

    def _expect_head(self) -> None:
        """By then, or sooner if the connection was to end sooner, the head is there."""
        due = self._loop.time() + HEAD_S
        if due < self._next_keepalive_close_time:
            self._next_keepalive_close_time = due
            if self._keepalive_handle is not None:
                self._keepalive_handle.cancel()
            self._keepalive_handle = self._loop.call_at(due, self._process_keepalive)

    def _process_keepalive(self) -> None:
        """aiohttp closes here whoever waits; one who has begun is told why."""
        is_late = self._loop.time() >= self._next_keepalive_close_time
        if self._head_bytes and is_late:
            self._keepalive_handle = None
            self._refuse(TooSlow(f"the head was not finished within {HEAD_S:.0f} s"))
        else:
            super()._process_keepalive()

    def _refuse(self, error: Exception) -> None:
        """Answers, as a request that can't be read is, the one that never came to its end."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._force_close:
            return
        self._head_bytes = 0
        told = _ErrInfo(status=400, exc=error, message="")
        self._messages.append((told, EMPTY_PAYLOAD))
        waiter.set_result(None)

    def pause_writing(self) -> None:
        """The transport holds more than it likes to."""
        super().pause_writing()
        self._unread_bytes = self._unread()
        self._stalled = self._loop.call_later(TAKE_S, self._look)

    def resume_writing(self) -> None:
        self._stop_watch()
        super().resume_writing()

    def _look(self) -> None:
        self._stalled = None
        before, self._unread_bytes = self._unread_bytes, self._unread()
        if self._unread_bytes <= before - _TAKEN_BYTES:
            self._stalled = self._loop.call_later(TAKE_S, self._look)
        elif self.transport is not None:
            reset(self.transport)

    def _stop_watch(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _unread(self) -> int:
        """Bytes that the other end has not got, here and, where the system tells, in its buffer: a
        slow line empties that one first, for minutes."""
        if self.transport is None:
            return 0
        return self.transport.get_write_buffer_size() + _held_by_system(self.transport)


def reset(transport: asyncio.Transport) -> None:
    """Ends it, and has the system let go of what was not taken: it would keep some megabytes for a
    reader that is gone for us, for minutes."""
    if not transport.is_closing():
        at_once = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    transport.abort()


def _held_by_system(transport: asyncio.Transport) -> int:
    try:
        raw = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:  # not every system tells
        return 0
    held: int = struct.unpack("i", raw)[0]
    return held
