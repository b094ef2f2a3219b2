"""What more processes add on one machine: tables of docs/scaling.md. All sizes in turn, in rounds; of
each figure the median, the least and the most."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import redis

from bench import filling, load, ours
from bench.errors import BenchError
from bench.processes import Used, children
from bench.rounds import Effort

_SIZES = (1, 2, 4)
_PARTITIONS = (1, 4)
_ENTRIES = 60_000
_PATIENCE_S = 60.0
_LOOK_S = 0.05


def web_workers(effort: Effort) -> Iterator[str]:
    """Posts to one and to several web workers."""
    yield "| web workers | posts a second | p99, ms | us of the workers a post | of the store |"
    yield "|---|---|---|---|---|"
    for size, cells in _in_turn(effort, partial(_posts, effort.seconds)):
        yield f"| {size} | {cells} |"


def workers(effort: Effort) -> Iterator[str]:
    """The log written to the view by one and by several workers."""
    yield "| partitions | workers | entries a second | us of the workers an entry | of the store |"
    yield "|---|---|---|---|---|"
    count = min(_ENTRIES, effort.events)
    for partitions in _PARTITIONS:
        for size, cells in _in_turn(effort, partial(_entries, count, partitions)):
            yield f"| {partitions} | {size} | {cells} |"


def _in_turn(
    effort: Effort, measured: Callable[[int], tuple[float, ...]]
) -> Iterator[tuple[int, str]]:
    """Each size, and the cells of its row."""
    found = [[measured(size) for size in _SIZES] for _ in range(effort.rounds)]
    for size, rounds in zip(_SIZES, zip(*found, strict=True), strict=True):
        yield size, " | ".join(_cell(column) for column in zip(*rounds, strict=True))


def _posts(seconds: float, size: int) -> tuple[float, ...]:
    with ours.store() as on, ours.worker(on), ours.web(on, "--workers", str(size)) as web:
        with Used(*children(web.pid)) as of_workers, Used(on.pid) as of_store:
            found = load.wrk_posts(f"{web.url}/api/rooms/lobby/messages", seconds)
        answers = found["answers"]
        return (
            found["rate"],
            found["p99_ms"],
            _each_us(of_workers, answers),
            _each_us(of_store, answers),
        )


def _entries(count: int, partitions: int, size: int) -> tuple[float, ...]:
    """They stand still while the log is filled, and go on at one moment."""
    with ExitStack() as stack:
        on = stack.enter_context(ours.store())
        client = stack.enter_context(on.client())
        given = {"partitions": str(partitions), "window": "1d"}
        pids = [stack.enter_context(ours.worker(on, **given)) for _ in range(size)]
        _wait_reading(client, size * partitions)
        _tell(pids, signal.SIGSTOP)
        for partition in range(partitions):
            filling.append(client, count // partitions, partition=partition)
        with Used(*pids) as of_workers, Used(on.pid) as of_store:
            _tell(pids, signal.SIGCONT)
            for partition in range(partitions):
                filling.wait_projected(client, partition)
        each = _each_us(of_workers, count), _each_us(of_store, count)
        return count / of_store.wall_s, *each


def _wait_reading(client: redis.Redis, count: int) -> None:
    """Until so many projectors ask for entries."""
    until = time.monotonic() + _PATIENCE_S
    while sum(each["cmd"] == "xreadgroup" for each in client.client_list()) < count:
        if time.monotonic() > until:
            raise BenchError("not all workers read")
        time.sleep(_LOOK_S)


def _tell(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _each_us(used: Used, count: float) -> float:
    return used.cpu_s / count * 1e6


def _cell(values: Sequence[float]) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    if middle >= 100:
        return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"
