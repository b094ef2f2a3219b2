"""What anything costs when a thousand messages live, and when a million do; and what each takes.

Four stores, a web process on each, all there at once: so each is measured in the same minutes. Also how
long such a process takes to start, and how much memory a message takes in the store and in the process.
"""

import asyncio
import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import NamedTuple

from bench import filling, load, ours
from bench.errors import BenchError
from bench.ours import Served, Store
from bench.processes import allow_many_files, resident
from bench.rounds import Effort
from bench.rows import Row, at_most
from messenger.connection import Store as Connection
from messenger.entries import START, EntryId
from messenger.log import Log
from messenger.settings import load as load_settings
from web.remembered import LEAST

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ROOM = f"/api/rooms/room-{filling.ROOMS - 1}"
_TRIES = 200
_MISSED = 9
# What differs by less is noise on a machine with other work.
_FLAT = 1.25


class Sized(NamedTuple):
    """A web process on a store with so many live messages."""

    size: int
    store: Store
    web: Served
    start_s: float
    store_bytes: float
    view_bytes: float
    web_bytes: float


def measure(effort: Effort) -> Iterator[Row]:
    sizes = [size for size in _SIZES if size <= 10 * effort.events]
    with ExitStack() as stack:
        all_sizes = [_sized(stack, size) for size in sizes]
        for path, cost in _COSTS.items():
            yield from _rows(effort, path, all_sizes, cost)
        # Only where rooms have more than memory keeps of them.
        large = [sized for sized in all_sizes if sized.size > filling.ROOMS * LEAST]
        yield from _rows(effort, "page of 50 from the view", large, _older_page)
        most = all_sizes[-1]
        name = f"{most.size:,} messages in {filling.ROOMS} rooms"
        yield Row(f"web process's start on {name}", "", "s", at_most(10), [most.start_s])
        yield Row(f"store's memory a message, {name}", "", "bytes", None, [most.store_bytes])
        yield Row(
            f"the same with its row in the view, {name}", "", "bytes", None, [most.view_bytes]
        )
        yield Row(f"web process's memory, {name}", "", "MiB", None, [most.web_bytes / 2**20])
        each = (most.web_bytes - all_sizes[0].web_bytes) / (most.size - all_sizes[0].size)
        yield Row(f"web process's memory a message, {name}", "", "bytes", None, [each])
        yield _subscribers(all_sizes[0])


def _sized(stack: ExitStack, size: int) -> Sized:
    store = stack.enter_context(ours.store())
    with store.client() as client:
        empty = client.info("memory")["used_memory"]
        filling.fill(store, size)
        filled = client.info("memory")["used_memory"]
        with ours.worker(store, window="1d"):
            filling.wait_projected(client)
        whole = client.info("memory")["used_memory"]
    began = time.monotonic()
    web = stack.enter_context(ours.web(store, window="1d"))
    start_s = time.monotonic() - began
    each = [(after - empty) / size for after in (filled, whole)]
    return Sized(size, store, web, start_s, each[0], each[1], resident(web.pid))


def _rows(
    effort: Effort, path: str, all_sizes: list[Sized], cost: Callable[[Sized], float]
) -> Iterator[Row]:
    """Each size against the smallest, as milliseconds."""
    if not all_sizes:
        return
    rounds = [[cost(sized) for sized in all_sizes] for _ in range(effort.rounds)]
    least = [found[0] for found in rounds]
    for at, sized in enumerate(all_sizes[1:], 1):
        figures = [found[at] for found in rounds]
        title = f"{path}, {sized.size:,} live"
        against = f"{all_sizes[0].size:,} live"
        yield Row(title, against, "ms", at_most(_FLAT), figures, least)


def _median_ms(do: Callable[[], object], tries: int = _TRIES) -> float:
    took = []
    for _ in range(tries):
        began = time.perf_counter()
        do()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def _ask(connection: HTTPConnection, method: str, path: str, body: str | None = None) -> None:
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (200, 201):
        raise BenchError(f"{method} {path} was answered {answer.status}")


def _page(sized: Sized) -> float:
    """The newest fifty."""
    with closing(HTTPConnection("127.0.0.1", sized.web.port)) as connection:
        return _median_ms(lambda: _ask(connection, "GET", f"{_ROOM}/messages"))


def _older_page(sized: Sized) -> float:
    """Fifty that go back beyond what memory has: from the view."""
    with sized.store.client() as client:
        first = client.xrange(filling.KEYS.log, "-", "+", count=60 * filling.ROOMS)
    path = f"{_ROOM}/messages?before={first[-1][0].decode()}"
    with closing(HTTPConnection("127.0.0.1", sized.web.port)) as connection:
        _require_forgotten(connection)
        return _median_ms(lambda: _ask(connection, "GET", path))


def _require_forgotten(connection: HTTPConnection) -> None:
    """That memory has not all of the room: it tells no number then."""
    connection.request("GET", "/api/rooms")
    rooms = json.load(connection.getresponse())["rooms"]
    if any("messages" in room for room in rooms if room["room"] == _ROOM.rpartition("/")[2]):
        raise BenchError("memory has the whole room: its older pages do not come from the view")


def _post(sized: Sized) -> float:
    with closing(HTTPConnection("127.0.0.1", sized.web.port)) as connection:
        return _median_ms(lambda: _ask(connection, "POST", f"{_ROOM}/messages", load.POST))


def _resume(sized: Sized) -> float:
    """A stream that comes back after ten messages of its room, until it has them."""
    with sized.store.client() as client:
        last = client.xrevrange(filling.KEYS.log, "+", "-", count=10 * filling.ROOMS)
    cursor = last[-1][0]
    return _median_ms(lambda: _resume_after(sized.web.port, cursor), _TRIES // 4)


def _resume_after(port: int, cursor: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as reader:
        request = b"GET %b/events HTTP/1.1\r\nHost: bench\r\nLast-Event-ID: %b\r\n\r\n"
        reader.sendall(request % (_ROOM.encode(), cursor))
        received = b""
        while received.count(b"event: message") < _MISSED:
            piece = reader.recv(1 << 16)
            if not piece:
                raise BenchError(f"a stream that came back was answered {received[:80]!r}")
            received += piece


def _replay_page(sized: Sized) -> float:
    """A thousand entries from within the log, read and decoded as replay does."""
    skipped = min(sized.size - 1_000, 100_000)
    after = START
    if skipped:
        with sized.store.client() as client:
            raw = client.xrange(filling.KEYS.log, "-", "+", count=skipped)
            after = EntryId.read(raw[-1][0])
    return asyncio.run(_range_ms(sized.store.url, after))


async def _range_ms(url: str, after: EntryId) -> float:
    async with Connection(url) as store:
        log, took = Log(store, 0, load_settings({}, {})), []
        for _ in range(_TRIES // 4):
            began = time.perf_counter()
            await log.range(after)
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def _subscribers(sized: Sized) -> Row:
    """What a thousand streams that wait take of the process."""
    allow_many_files()
    before = resident(sized.web.pid)
    given = {"port": sized.web.port, "path": f"{_ROOM}/events", "readers": 1_000, "format": "sse"}
    with load.client("readers", **given) as readers:
        readers.line()
        each = (resident(sized.web.pid) - before) / 1_000
    return Row("web process's memory a stream", "", "bytes", at_most(65_536), [each])


_COSTS: dict[str, Callable[[Sized], float]] = {
    "newest page of 50": _page,
    "post": _post,
    "stream that resumes after 10 messages": _resume,
    "replay's page of 1,000": _replay_page,
}
