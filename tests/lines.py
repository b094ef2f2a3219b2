"""Raw connections, as those make them who mean harm: they say any bytes and read when they like."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from urllib.parse import urlsplit

# The state that TCP_INFO begins with (linux/tcp.h).
ESTABLISHED = 1
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def request_of(path: str, fields: str = "") -> bytes:
    """The head of a GET, whole."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode()


def post_of(length: int, room: str = "lobby") -> bytes:
    """The head of a post whose body has so many bytes, none of which follows."""
    return (
        f"POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Line:
    """One connection. Nothing is read from it but what a caller asks for."""

    def __init__(self, made: socket.socket) -> None:
        self._socket = made
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls, url: str, sent: bytes = b"", *, receives: int | None = None, source: str = ""
    ) -> "Line":
        """`receives` is the size of the buffer that the system keeps for it; `source` is the address
        that it comes from."""
        made = socket.socket()
        made.setblocking(False)
        if receives is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        if source:
            made.bind((source, 0))
        address = urlsplit(url)
        line = cls(made)
        try:
            await line._loop.sock_connect(made, (address.hostname, address.port))
            await line.send(sent)
        except BaseException:
            made.close()
            raise
        return line

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def some(self, most: int = 65_536) -> bytes:
        """What has come, or comes next; nothing at its end."""
        return await self._loop.sock_recv(self._socket, most)

    def heard(self) -> bytes:
        """What has come."""
        with contextlib.suppress(BlockingIOError):
            return self._socket.recv(65_536)
        return b""

    async def until(self, last: bytes) -> bytes:
        """Everything up to these bytes."""
        got = b""
        while last not in got:
            more = await self.some()
            assert more, f"the other end has closed after {got!r}"
            got += more
        return got

    async def rest(self, seconds: float = 10.0) -> bytes:
        """Everything up to its end, however it ends."""
        got = b""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError):
                while more := await self.some():
                    got += more
        return got

    async def drip(self, drop: bytes, *, every_s: float = 1.0, seconds: float = 10.0) -> bytes:
        """Says a drop again and again until the other end has closed; everything that it said."""

        async def drips() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await self.send(drop)
                    await asyncio.sleep(every_s)

        dripping = asyncio.create_task(drips())
        try:
            return await self.rest(seconds)
        finally:
            dripping.cancel()

    def is_open(self) -> bool:
        """As far as the system knows, also for who does not read."""
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0] == ESTABLISHED

    def leave(self, *, is_reset: bool = False) -> None:
        """Closes it; or resets it, as a machine does that has gone."""
        if is_reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
