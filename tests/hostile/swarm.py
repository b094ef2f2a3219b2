"""`python -m tests.hostile.swarm URL KIND COUNT FIRST`: many connections of one kind, in a process of
their own, each from an address of its own on loopback.

Prints `open` once all of them are, `back` with the seconds whenever all of them came back, and, when its
standard input ends, what became of them as JSON. Killed, it leaves them all at once.
"""

import asyncio
import contextlib
import json
import random
import resource
import socket
import sys
import time
from collections.abc import Coroutine, Iterator
from urllib.parse import urlsplit

import uvloop

from tests.lines import ESTABLISHED, UPGRADE, post_of, request_of

# As many connections are made at a time, but where all come at once.
_AT_A_TIME = 200
_DROP_EVERY_S = 1.0
_STREAM = request_of("/api/rooms/crowd/events")
_HELLO = b"event: hello\n"
_PAGE = request_of("/api/rooms/lobby/messages?limit=100")
_LIST = request_of("/api/rooms/lobby/messages?limit=10000")
_HALF_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
# A text of 1,000 bytes begins, masked with zeros (RFC 6455, 5.2).
_HALF_FRAME = b"\x81\xfe\x03\xe8\0\0\0\0{"
_DEAF = (
    request_of("/api/rooms/lobby/events"),
    request_of("/api/rooms/lobby/events"),
    request_of("/api/rooms/lobby/socket", UPGRADE),
)
# What is said first, and then again and again.
KINDS = {
    "listen": ((_STREAM,), b""),
    "listen-at-once": ((_STREAM,), b""),
    "deaf": (_DEAF, b""),
    "unread": ((_PAGE * 30,), b""),
    "lists": ((_LIST * 3,), b""),
    "silent": ((b"",), b""),
    "head": ((_HALF_HEAD,), b"a"),
    "body": ((post_of(1_000),), b" "),
    "frame": ((request_of("/api/rooms/lobby/socket", UPGRADE),), b"x"),
    "gone": ((post_of(1_000) + b'{"text": "half', _HALF_HEAD, b"", _STREAM), b""),
}
_TAKES_NOTHING = ("deaf", "unread", "lists")
_COMES_BACK = ("listen", "listen-at-once")


class _Line(asyncio.Protocol):
    """One connection, from its beginning to its end, and from then on the next one."""

    def __init__(self, swarm: "Swarm", number: int) -> None:
        self._swarm = swarm
        self._number = number
        self._began = time.monotonic()
        self._transport: asyncio.Transport | None = None
        self._drops: asyncio.TimerHandle | None = None
        self.retry_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        swarm = self._swarm
        self._transport = transport  # type: ignore[assignment]  # uvloop's, by its shape
        self._transport.write(swarm.firsts[self._number % len(swarm.firsts)])
        if swarm.kind in _TAKES_NOTHING:
            # uvloop begins to read after this.
            asyncio.get_running_loop().call_soon(self._transport.pause_reading)
            self._look_whether_open()
        if swarm.kind == "frame":
            self._transport.write(_HALF_FRAME)
        if swarm.kind not in _COMES_BACK:
            swarm.is_open(self._number)
        if swarm.drop:
            self._say_again()

    def _look_whether_open(self) -> None:
        """Who does not read does not see the end."""
        assert self._transport is not None
        connected = self._transport.get_extra_info("socket")
        if connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
            self._transport.abort()
        else:
            again = asyncio.get_running_loop().call_later
            self._drops = again(_DROP_EVERY_S, self._look_whether_open)

    def data_received(self, data: bytes) -> None:
        if self._swarm.kind in _COMES_BACK and not self.retry_s and _HELLO in data:
            _, _, rest = data.partition(b"retry: ")
            self.retry_s = int(rest.partition(b"\n")[0]) / 1_000
            self._swarm.is_open(self._number)

    def connection_lost(self, error: Exception | None) -> None:
        if self._drops is not None:
            self._drops.cancel()
        self._swarm.is_closed(self._number, time.monotonic() - self._began, self.retry_s)

    def leave(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def _say_again(self) -> None:
        assert self._transport is not None
        self._transport.write(self._swarm.drop)
        self._drops = asyncio.get_running_loop().call_later(_DROP_EVERY_S, self._say_again)


class Swarm:
    def __init__(self, url: str, kind: str, count: int, first: int) -> None:
        address = urlsplit(url)
        self._address = (address.hostname, address.port)
        self.kind = kind
        self.firsts, self.drop = KINDS[kind]
        self._count = count
        self._first = first
        self._open: set[int] = set()
        self._lives: list[float] = []
        self._opened = 0
        self._turns = asyncio.Semaphore(count if kind == "listen-at-once" else _AT_A_TIME)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost_at = 0.0
        self._was_whole = False

    def is_open(self, number: int) -> None:
        self._open.add(number)
        if len(self._open) < self._count:
            return
        if not self._was_whole:
            print("open", flush=True)
        elif self._lost_at:
            print(f"back {time.monotonic() - self._lost_at:.2f}", flush=True)
        self._was_whole, self._lost_at = True, 0.0

    def is_closed(self, number: int, lived_s: float, retry_s: float) -> None:
        self._open.discard(number)
        self._lives.append(lived_s)
        if self.kind in _COMES_BACK:
            self._lost_at = self._lost_at or time.monotonic()
        if self.kind == "listen":
            self.begin(number, retry_s)
        elif self.kind == "listen-at-once" and not self._open:
            self._keep(self._stampede())

    def begin(self, number: int, after_s: float = 0.0) -> None:
        self._keep(self._connect(number, after_s))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stampede(self) -> None:
        """Knocks until somebody opens; then all come in one moment."""
        while True:
            with contextlib.suppress(OSError), socket.socket() as knocking:
                knocking.setblocking(False)
                await asyncio.get_running_loop().sock_connect(knocking, self._address)
                break
            await asyncio.sleep(0.02)
        for number in range(self._count):
            self.begin(number)

    async def _connect(self, number: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while True:
            try:
                async with self._turns:
                    await self._dial(number)
                return
            except OSError:
                await asyncio.sleep(random.uniform(0.05, 0.2))

    async def _dial(self, number: int) -> "_Line":
        made, loop = socket.socket(), asyncio.get_running_loop()
        made.setblocking(False)
        if self.kind in _TAKES_NOTHING:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        at = self._first + number
        made.bind((f"127.1.{at >> 8}.{at & 255}", 0))
        try:
            await loop.sock_connect(made, self._address)
            _, line = await loop.create_connection(lambda: _Line(self, number), sock=made)
        except BaseException:
            made.close()
            raise
        self._opened += 1
        return line

    async def flood(self) -> None:
        """Connections that are opened and left at once, as many as go."""

        async def one(number: int) -> None:
            while True:
                try:
                    (await self._dial(number)).leave()
                except OSError:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0)

        print("open", flush=True)
        await asyncio.gather(*map(one, range(self._count)))

    def told(self) -> str:
        lives = sorted(self._lives)
        return json.dumps(
            {
                "opened": self._opened,
                "closed": len(lives),
                "open": len(self._open),
                "lived_s": [lives[0], lives[-1]] if lives else [],
            }
        )


def raise_limit() -> int:
    """As many files as this process, and those it starts, may have open; how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def main(words: Iterator[str]) -> None:
    raise_limit()
    url, kind, count, first = words
    swarm = Swarm(url, kind, int(count), int(first))
    flooding = None
    if kind == "gone":
        flooding = asyncio.create_task(swarm.flood())
    else:
        for number in range(int(count)):
            swarm.begin(number)
    await asyncio.to_thread(sys.stdin.read)
    print(swarm.told(), flush=True)
    if flooding is not None:
        flooding.cancel()


if __name__ == "__main__":
    uvloop.run(main(iter(sys.argv[1:])))
