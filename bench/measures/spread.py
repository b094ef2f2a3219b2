"""How connections come to several processes, by how these listen: a table of docs/scaling.md. Four
hundred connections to four processes, at once and one by one; the fewest and the most that one got."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator

import uvloop

from bench.rounds import Effort

_CONNECTIONS = 400
_ALL = "one, all accept from it"
_ONE_A_TURN = "one, each accepts one a turn of its loop"
_EACH = "one each on the same port (`SO_REUSEPORT`)"


def spread(effort: Effort) -> Iterator[str]:
    yield "| sockets | at once | one by one |"
    yield "|---|---|---|"
    for kind in (_ALL, _ONE_A_TURN, _EACH):
        cells = []
        for pause_s in (0.0, 0.002):
            counts = [each for _ in range(effort.rounds) for each in _spread(kind, pause_s)]
            cells.append(f"{min(counts)} to {max(counts)}")
        yield f"| {kind} | {' | '.join(cells)} |"


def _spread(kind: str, pause_s: float) -> list[int]:
    """How many of the connections each of four processes got."""
    listeners, told, stopped = _sockets(4 if kind == _EACH else 1), os.pipe(), os.pipe()
    for number in range(4):
        if os.fork() == 0:
            os.close(stopped[1])
            count = uvloop.run(_accept(kind, listeners[number % len(listeners)], stopped[0]))
            os.write(told[1], f"{count}\n".encode())
            os._exit(0)
    time.sleep(0.5)
    uvloop.run(_connect(listeners[0].getsockname(), pause_s))
    for descriptor in stopped:
        os.close(descriptor)
    for _ in range(4):
        os.wait()
    counts = [int(each) for each in os.read(told[0], 100).split()]
    for each in listeners:
        each.close()
    return counts


def _sockets(count: int) -> list[socket.socket]:
    made: list[socket.socket] = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", made[0].getsockname()[1] if made else 0))
        one.setblocking(False)
        made.append(one)
    return made


async def _accept(kind: str, listener: socket.socket, stopped: int) -> int:
    count = 0

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal count
            count += 1
            self._transport = transport
            sum(range(5_000))  # about what a request costs

        def data_received(self, data: bytes) -> None:
            self._transport.write(data)  # type: ignore[attr-defined]

    loop, tasks = asyncio.get_running_loop(), []

    def take_one() -> None:
        with contextlib.suppress(BlockingIOError):
            taken, _ = listener.accept()
            taken.setblocking(False)
            tasks.append(loop.create_task(loop.connect_accepted_socket(Answering, taken)))

    if kind == _ONE_A_TURN:
        listener.listen(1_024)
        loop.add_reader(listener.fileno(), take_one)
    else:
        await loop.create_server(Answering, sock=listener, backlog=1_024)
    end = asyncio.Event()
    loop.add_reader(stopped, end.set)
    await end.wait()
    return count


async def _connect(address: tuple[str, int], pause_s: float) -> None:
    async def one() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"x")
        await reader.readexactly(1)
        return writer

    if pause_s:
        kept = []
        for _ in range(_CONNECTIONS):
            kept.append(await one())
            await asyncio.sleep(pause_s)
    else:
        kept = await asyncio.gather(*(one() for _ in range(_CONNECTIONS)))
    for each in kept:
        each.close()
