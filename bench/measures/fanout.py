"""Live fan-out: one room's messages to many readers at once, against nchan with the same readers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from bench import load, ours
from bench.errors import BenchError
from bench.ours import Served
from bench.peers.running import nchan
from bench.processes import Process, Used, allow_many_files
from bench.rounds import Effort, interleaved
from bench.rows import Row, Sample, at_least, at_most, row

_SETTLE_S = 0.3
_DRAIN_S = 20.0
# As long as what ours tells of a message.
_TOLD = (
    '{"id":"1795499626395-0","room":"lobby","author":"somebody","text":"%s",'
    '"created_at":1795499626395,"expires_at":1795500526395}'
)


class Side(NamedTuple):
    """A server with its readers, and how it is posted to."""

    served: Served
    readers: Process
    number: int
    how: dict[str, object]

    def even(self, rate: float, seconds: float) -> Sample:
        """Posts at an even rate, which everyone gets: `cpu_us` of the server's for each delivery."""
        load.asked(self.readers)
        with Used(*self.served.pids) as used:
            posted = load.posts(self.served.port, rate, seconds, **self.how)
            time.sleep(_SETTLE_S)
        found = load.asked(self.readers)
        _refuse_cut(found)
        expected = round(rate * seconds) * self.number
        if found["deliveries"] != expected:
            raise BenchError(f"{found['deliveries']:,.0f} of {expected:,} deliveries came")
        return {
            "cpu_us": used.cpu_s / expected * 1e6,
            "p99_ms": found["p99_ms"],
            "load": max(found["load"], posted["load"]),
        }

    def saturated(self, seconds: float) -> Sample:
        """Posts as fast as they are answered, sixteen at a time: `rate` of deliveries."""
        load.asked(self.readers)
        began = time.monotonic()
        posted = load.posts(self.served.port, 0, seconds, connections=16, **self.how)
        found = load.asked(self.readers)
        took_s = time.monotonic() - began
        _refuse_cut(found)
        self._drain()
        return {
            "rate": found["deliveries"] / took_s,
            "p99_ms": found["p99_ms"],
            "load": max(found["load"], posted["load"]),
        }

    def _drain(self) -> None:
        """What was posted and not yet told is not the next measurement's."""
        until = time.monotonic() + _DRAIN_S
        while load.asked(self.readers)["deliveries"]:
            if time.monotonic() > until:
                raise BenchError("the readers are not done with what was posted")
            time.sleep(_SETTLE_S)


def events(effort: Effort) -> Iterator[Row]:
    """Server-sent events."""
    for count, rate in ((200, 100), (1_000, 20)):
        with ExitStack() as stack:
            us, them = _sides(stack, count, "sse", "events")
            name = f"server-sent events, {count:,} readers"
            yield from _even(effort, us, them, name, rate)
            pairs = interleaved(effort, us.saturated, them.saturated)
            path = f"{name}, as many as go"
            yield row(path, "nchan", "rate", "/s", pairs, at_least(2.5))
            yield row(f"{path}: p99", "nchan", "p99_ms", "ms", pairs)


def sockets(effort: Effort) -> Iterator[Row]:
    """WebSockets."""
    with ExitStack() as stack:
        us, them = _sides(stack, 1_000, "socket", "socket")
        yield from _even(effort, us, them, "WebSockets, 1,000 readers", 20)


def _even(effort: Effort, us: Side, them: Side, name: str, rate: float) -> Iterator[Row]:
    pairs = interleaved(
        effort,
        lambda seconds: us.even(rate, seconds),
        lambda seconds: them.even(rate, seconds),
    )
    path = f"{name}, {rate}/s"
    yield row(f"{path}: CPU a delivery", "nchan", "cpu_us", "us", pairs, at_most(1))
    yield row(f"{path}: p99", "nchan", "p99_ms", "ms", pairs, at_most(1))


def _sides(stack: ExitStack, count: int, form: str, path: str) -> tuple[Side, Side]:
    """Both servers, each with its readers. Ours counts with its store, which nchan has not."""
    allow_many_files()
    web = stack.enter_context(ours.web(stack.enter_context(ours.store()), window="5m"))
    peer = stack.enter_context(nchan())
    return (
        Side(web, _readers(stack, web, f"/api/rooms/lobby/{path}", count, form), count, {}),
        Side(
            peer,
            _readers(stack, peer, f"/{path}", count, form),
            count,
            {"path": "/post", "body": _TOLD},
        ),
    )


def _readers(stack: ExitStack, served: Served, path: str, count: int, form: str) -> Process:
    given = {"port": served.port, "path": path, "readers": count, "format": form}
    process = stack.enter_context(load.client("readers", **given))
    process.line()
    return process


def _refuse_cut(found: dict[str, float]) -> None:
    if found["cut"]:
        raise BenchError(f"{found['cut']:.0f} readers were cut")
