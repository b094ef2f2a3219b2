"""An answer whose bytes are ready: a small one through aiohttp's own response takes longer to say than
to find out. For the hot paths; everything else is a web.Response."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import cast

from aiohttp import web
from aiohttp.http import HttpVersion11

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
# What a reader leaves unread in the transport before its next request waits for it.
_UNREAD_BYTES = 64 * 1024


def head_of(fields: Mapping[str, str]) -> bytes:
    """Fields as they are sent. Only for values that we made: no line break is looked for."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")


class Direct:
    """What aiohttp asks of a response: `prepare`, `write_eof`, `keep_alive`. `head` is the fields, as
    head_of writes them; those of `headers` are sent too, and may be added to until then. `body` is in
    one piece or several."""

    __slots__ = ("_body", "_head", "headers", "keep_alive", "status")

    def __init__(self, status: int, head: bytes, *body: bytes) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.keep_alive = True
        self._head = head
        self._body = body

    async def prepare(self, request: web.BaseRequest) -> None:
        """Writes all of it. A client that is gone raises, as aiohttp's own responses do."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self.keep_alive = self.keep_alive and request.keep_alive
        await request._prepare_hook(cast("web.StreamResponse", self))  # noqa: SLF001
        fields = self._head + head_of(self.headers) if self.headers else self._head
        if not self.keep_alive or request.version != HttpVersion11:
            fields += b"Connection: %b\r\n" % (b"keep-alive" if self.keep_alive else b"close")
        length = sum(map(len, self._body))
        head = b"%bDate: %b\r\n%bContent-Length: %d\r\n\r\n" % (
            _STATUS_LINES[self.status],
            _date(int(time.time())),
            fields,
            length,
        )
        self._write(transport, (head,) if request.method == "HEAD" else (head, *self._body))
        if transport.get_write_buffer_size() > _UNREAD_BYTES:
            await self._taken(request, transport)

    def _write(self, transport: asyncio.Transport, pieces: Sequence[bytes]) -> None:
        transport.write(b"".join(pieces))

    async def _taken(self, request: web.BaseRequest, _: asyncio.Transport) -> None:
        """Waits for the reader."""
        await request.writer.drain()

    def force_close(self) -> None:
        """The connection ends after this answer."""
        self.keep_alive = False

    async def write_eof(self) -> None:
        """All was written at once; what waits for the connection's next request keeps no text."""
        self._body = ()


def direct(status: int, head: bytes, *body: bytes) -> web.StreamResponse:
    """A Direct, which is a response to aiohttp by what it does and not by its class."""
    return cast("web.StreamResponse", Direct(status, head, *body))


@lru_cache(1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
