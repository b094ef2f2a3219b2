"""Speaking with a WebSocket of the messenger as a program does, frame by frame where it must be."""

import asyncio
import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import aiohttp
from aiohttp import WSMsgType

from tests.streams import Event

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Conversation:
    """One socket's events, in order; `last_id` is what its reader would resume by."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.last_id = ""

    async def next(self, seconds: float = 10.0) -> Event:
        """The next event; EOFError when the other end has closed."""
        message = await self.socket.receive(seconds)
        if message.type is not WSMsgType.TEXT:
            raise EOFError(self.socket.close_code)
        found = json.loads(message.data)
        assert found.keys() - {"id"} == {"event", "data"}
        self.last_id = found.get("id", self.last_id)
        return Event(found["event"], found.get("id", ""), found["data"])

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]

    async def until(self, name: str) -> Event:
        while (event := await self.next()).name != name:
            pass
        return event

    async def messages(self, count: int) -> list[dict[str, Any]]:
        return [(await self.until("message")).data for _ in range(count)]

    async def rest(self) -> tuple[list[Event], int | None]:
        """Everything up to the end, and the code that it ended with."""
        found = []
        try:
            while True:
                found.append(await self.next())
        except EOFError:
            return found, self.socket.close_code

    async def post(self, text: str, key: str | None = None, **more: Any) -> Event:
        """Posts; the answer, whatever else is told meanwhile."""
        await self.ask({"post": {"text": text, **more}} | ({} if key is None else {"key": key}))
        return await self.answer()

    async def ask(self, frame: Any) -> None:
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def answer(self) -> Event:
        while (event := await self.next()).name not in ("posted", "refused"):
            pass
        return event


class Frame(NamedTuple):
    kind: int
    payload: bytes

    @property
    def code(self) -> int | None:
        assert self.kind == CLOSE
        return int.from_bytes(self.payload[:2], "big") if self.payload else None


def masked(kind: int, payload: bytes, *, is_last: bool = True, size: int | None = None) -> bytes:
    """A client's frame; `size` is one that it lies about."""
    first = bytes([(0x80 if is_last else 0) | kind])
    size = len(payload) if size is None else size
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    return first + length + mask + bytes(each ^ mask[at % 4] for at, each in enumerate(payload))


class RawSocket:
    """A connection that says any bytes, and answers nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(
        cls,
        url: str,
        path: str = "/api/rooms/lobby/socket",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> "RawSocket":
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n".encode()
            + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
            + b"\r\n"
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return cls(reader, writer)

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def next(self, seconds: float = 10.0) -> Frame:
        """The next frame; IncompleteReadError where the connection ends, ConnectionError where it is
        cut."""
        async with asyncio.timeout(seconds):
            kind, size = await self.reader.readexactly(2)
            assert kind & 0x80, "a server's messages are one frame each"
            assert size < 0x80, "a server's frames are not masked"
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return Frame(kind & 0xF, await self.reader.readexactly(size))

    async def until(self, kind: int) -> Frame:
        while (frame := await self.next()).kind != kind:
            pass
        return frame

    async def is_cut(self, seconds: float = 10.0) -> bool:
        """Waits for the connection to end, however it does."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(2**16):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.writer.close()
