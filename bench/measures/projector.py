"""The projector on a log that waits for it, against what redis-py can read and ack at all, and against
FastStream's batch subscriber doing the same work."""

import asyncio
import time
from collections.abc import Iterator

import redis
import uvloop

from bench import filling, ours
from bench.processes import Process, module
from bench.rounds import Effort, interleaved
from bench.rows import Row, Sample, at_least, row
from consumers.projector import Projector
from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import load

_BATCH = 500
_LOOK_S = 0.02


def measure(effort: Effort) -> Iterator[Row]:
    count = effort.events
    with ours.store() as on:
        pairs = interleaved(effort, lambda _: _ours(on, count), lambda _: _raw(on, count))
        path = f"projector, {count:,} entries"
        yield row(path, "raw XREADGROUP + XACK, redis-py", "rate", "/s", pairs, at_least(0.55))
        # It is slow, and its rate does not depend on the number.
        few = max(count // 4, _BATCH)
        pairs = interleaved(effort, lambda _: _ours(on, few), lambda _: _faststream(on, few))
        path = f"projector, {few:,} entries"
        yield row(path, "FastStream, batches, same work", "rate", "/s", pairs, at_least(4.5))


def _ours(on: ours.Store, count: int) -> Sample:
    filling.fill(on, count)
    return {"rate": count / uvloop.run(_project(on, count))}


async def _project(on: ours.Store, count: int) -> float:
    """The seconds until all is applied, by the projector's own loop."""
    async with Store(on.url) as store:
        logs = Logs(store, load({"window": "1d"}, {}))
        await logs.settle()
        stop, began = asyncio.Event(), time.perf_counter()
        running = asyncio.create_task(Projector(logs.all[0]).run(stop))
        while await _projected(store) < count:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(_LOOK_S)
        took_s = time.perf_counter() - began
        stop.set()
        await running
        return took_s


async def _projected(store: Store) -> int:
    return int(await store.pipe.call("HGET", filling.KEYS.meta, "projected") or 0)


def _raw(on: ours.Store, count: int) -> Sample:
    """Read and ack, nothing else: the ceiling of any consumer on redis-py."""
    filling.fill(on, count)
    group, log, left = "projector", filling.KEYS.log, count
    with redis.Redis.from_url(on.url) as client:
        began = time.perf_counter()
        while left:
            ((_, entries),) = client.xreadgroup(group, "raw", {log: ">"}, count=_BATCH)
            left -= client.xack(log, group, *(entry_id for entry_id, _ in entries))
        return {"rate": count / (time.perf_counter() - began)}


def _faststream(on: ours.Store, count: int) -> Sample:
    filling.fill(on, count)
    with Process(module("bench.peers.faststream_projector", on.url, str(count))) as process:
        return {"rate": count / float(process.line())}
