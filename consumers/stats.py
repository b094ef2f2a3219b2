"""What the store can tell of itself and of the work on it: read when somebody asks, by any process."""

import asyncio

import msgspec

from consumers.groups import GroupStats, count_after, facts_of_groups, read_groups
from consumers.memory import Memory, memory_of
from messenger.clock import ms_of
from messenger.entries import START, EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs
from messenger.replicas import in_touch
from messenger.replies import Rejected, facts, info

# Counting further than this costs more than the number is worth.
_LONGEST_COUNT = 10_000


class PartitionStats(msgspec.Struct, frozen=True):
    """One partition. Times are milliseconds, -1 where there was none; `lag` counts entries that the
    projector was not given yet, up to ten thousand; `pending` those it was given and has not applied;
    `trimmed` those that were cut before their time."""

    partition: int
    length: int
    lag: int
    lag_ms: int
    pending: int
    projected: int
    redelivered: int
    expired_unprocessed: int
    swept: int
    trimmed: int
    since_trim_ms: int
    erasure_delay_ms: int
    since_sweep_ms: int
    ahead_ms: int


class Stats(msgspec.Struct, frozen=True):
    """Of several servers the memory is that of the fullest, the replicas those of the one with the
    fewest, and the rest true where it is of each.

    `is_primary`: writes are taken at all; `is_full`: what takes memory is refused, by the store's
    own measure. `is_written`: the store's last write to its append-only file went well;
    `is_rewritten`: so did the last rewrite, which takes expired texts off the disk."""

    used_memory: int
    max_memory: int
    is_primary: bool
    is_full: bool
    is_written: bool
    is_rewritten: bool
    partitions: list[PartitionStats]
    replicas: int = 0


async def read_stats(logs: Logs) -> Stats:
    """The store's figures now; raises StoreUnavailable when it is away."""
    servers, partitions = await asyncio.gather(
        _servers(logs), asyncio.gather(*(_partition(each) for each in logs.all))
    )
    fullest = max(servers, key=lambda each: each.memory.fullness)
    return Stats(
        used_memory=fullest.used,
        max_memory=fullest.most,
        is_primary=all(each.info.get("role", "master") == "master" for each in servers),
        is_full=any(each.memory.is_full for each in servers),
        is_written=all(_is_ok(each, "aof_last_write_status") for each in servers),
        is_rewritten=all(_is_ok(each, "aof_last_bgrewrite_status") for each in servers),
        partitions=list(partitions),
        replicas=min(in_touch(each.info) for each in servers),
    )


class _Told(msgspec.Struct, frozen=True):
    """What one server says of itself."""

    info: dict[str, str]

    @property
    def used(self) -> int:
        return int(self.info["used_memory"])

    @property
    def most(self) -> int:
        return int(self.info["maxmemory"])

    @property
    def memory(self) -> Memory:
        return memory_of(self.info)


async def _servers(logs: Logs) -> list[_Told]:
    """Each server that has one of the partitions."""
    pipes = {await each.store.pipe.server(): each.store.pipe for each in logs.all}
    told = await asyncio.gather(
        *(pipe.call("INFO", "memory", "persistence", "replication") for pipe in pipes.values())
    )
    return [_Told(info(each)) for each in told]


def _is_ok(told: _Told, name: str) -> bool:
    return told.info.get(name, "ok") == "ok"


async def read_group_stats(logs: Logs) -> list[GroupStats]:
    """The figures of every group. How long it takes grows with the groups that are behind: what must
    be known in time does not wait for it."""
    return await read_groups(logs.all, _LONGEST_COUNT)


async def _partition(log: Log) -> PartitionStats:
    pipe, keys = log.store.pipe, log.keys
    now = int(ms_of(await pipe.call("TIME")))
    meta = facts(await pipe.call("HGETALL", keys.meta))
    last, delivered, pending = await _positions(log)
    lag, oldest = await count_after(log, delivered, _LONGEST_COUNT)
    return PartitionStats(
        partition=keys.partition,
        length=await pipe.call("XLEN", keys.log),
        lag=lag,
        lag_ms=max(0, now - oldest.ms) if oldest else 0,
        pending=pending,
        projected=int(meta.get("projected", 0)),
        redelivered=int(meta.get("redelivered", 0)),
        expired_unprocessed=int(meta.get("expired_unprocessed", 0)),
        swept=int(meta.get("swept", 0)),
        trimmed=int(meta.get("trimmed", 0)),
        since_trim_ms=now - int(meta["trimmed_at"]) if "trimmed_at" in meta else -1,
        erasure_delay_ms=int(meta.get("erasure_delay", 0)),
        since_sweep_ms=now - int(meta["swept_at"]) if "swept_at" in meta else -1,
        ahead_ms=max(0, last.ms - now),
    )


async def _positions(log: Log) -> tuple[EntryId, EntryId, int]:
    """The log's last id, the last id that the projector was given, and how many it has not acked."""
    try:
        stream = facts(await log.store.pipe.call("XINFO", "STREAM", log.keys.log))
    except Rejected:  # not there: never used, or flushed just now
        return START, START, 0
    last = EntryId.read(stream["last-generated-id"])
    for group in await facts_of_groups(log):
        if group["name"] == PROJECTOR.encode():
            return last, EntryId.read(group["last-delivered-id"]), group["pending"]
    return last, START, 0
