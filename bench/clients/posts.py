"""Posts over HTTP: at an even rate, or as fast as they are answered.

At an even rate a post is timed from when its turn came, also while it waits for a connection: a server
that stands still is not spared the posts of that time. Timers count milliseconds, so one or two posts
leave together.

Asked: `port`, `seconds`, `rate` a second or 0, `connections`, `path`, `body`, in which %s is the text. A
text holds the time at which it was sent, in microseconds by the machine's monotonic clock, after `@@`:
readers.py looks for it.
"""

import asyncio
import time
from collections import deque
from typing import cast

import uvloop

from bench.clients.result import Busy, asked, percentile, tell

_TICK_S = 0.001
_REST_S = 10.0
_TEXT = 100
_PATH = "/api/rooms/lobby/messages"
_BODY = '{"text":"%s","author":"somebody"}'


class Posts:
    """The connections' common state: who is idle, what is due, how long each took."""

    def __init__(self, rate: float, path: str, body: str) -> None:
        self.rate = rate
        self.body = body
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n%s"
        )
        self.idle: deque[Connection] = deque()
        self.due: deque[float] = deque()
        self.took: list[float] = []
        self.refused = 0
        self.is_over = False

    def request(self) -> bytes:
        stamp = f"@@{time.monotonic_ns() // 1_000:016d}"
        body = self.body % f"{stamp:x<{_TEXT}}"
        return (self.head % (len(body), body)).encode()

    def send_due(self) -> None:
        while self.due and self.idle:
            self.idle.popleft().send(self.due.popleft())

    def answered(self, connection: "Connection", due: float, *, is_good: bool) -> None:
        self.took.append(time.perf_counter() - due)
        self.refused += 0 if is_good else 1
        if self.rate == 0 and not self.is_over:
            connection.send(time.perf_counter())
        else:
            self.idle.append(connection)


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, posts: Posts) -> None:
        self._posts = posts
        self._received = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their shape only.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, due: float) -> None:
        self._due = due
        self._transport.write(self._posts.request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return
        self._received = rest[length:]
        self._posts.answered(self, self._due, is_good=head[9:10] == b"2")


async def _run(
    port: int,
    seconds: float,
    rate: float,
    connections: int = 32,
    path: str = _PATH,
    body: str = _BODY,
) -> None:
    loop, posts = asyncio.get_running_loop(), Posts(rate, path, body)
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: Connection(posts), "127.0.0.1", port)
        posts.idle.append(connection)
    busy, began = Busy(), time.perf_counter()
    await (_evenly(posts, seconds) if rate else _as_fast_as_answered(posts, seconds))
    wall_s, load, answered = time.perf_counter() - began, busy.share, len(posts.took)
    await _rest(posts, connections)
    tell(
        rate=answered / wall_s,
        p50_ms=percentile(posts.took, 0.5) * 1e3,
        p99_ms=percentile(posts.took, 0.99) * 1e3,
        refused=posts.refused,
        load=load,
    )


async def _evenly(posts: Posts, seconds: float) -> None:
    began, number = time.perf_counter(), 0
    while number < posts.rate * seconds:
        now = time.perf_counter()
        while number < (now - began) * posts.rate:
            posts.due.append(now)
            number += 1
        posts.send_due()
        await asyncio.sleep(_TICK_S)


async def _as_fast_as_answered(posts: Posts, seconds: float) -> None:
    while posts.idle:
        posts.idle.popleft().send(time.perf_counter())
    await asyncio.sleep(seconds)
    posts.is_over = True


async def _rest(posts: Posts, connections: int) -> None:
    """What is still under way counts too: it may be the slowest."""
    async with asyncio.timeout(_REST_S):
        while posts.due or len(posts.idle) < connections:
            posts.send_due()
            await asyncio.sleep(_TICK_S)


if __name__ == "__main__":
    uvloop.run(_run(**asked()))
