"""What the store can tell of itself and of the work on it: read when somebody asks, by any process."""

import asyncio
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from consumers.groups import GroupStats, count_after, read_groups
from messenger.clock import ms_of
from messenger.entries import START, EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs

# Counting further than this costs more than the number is worth.
_LONGEST_COUNT = 10_000


class PartitionStats(msgspec.Struct, frozen=True):
    """One partition. Times are milliseconds; `lag` counts entries that the projector was not given
    yet, up to ten thousand; `pending` those it was given and has not applied."""

    partition: int
    length: int
    lag: int
    lag_ms: int
    pending: int
    projected: int
    redelivered: int
    expired_unprocessed: int
    swept: int
    erasure_delay_ms: int
    since_sweep_ms: int
    ahead_ms: int


class Stats(msgspec.Struct, frozen=True):
    """`is_primary`: writes are taken at all; `is_full`: what takes memory is refused, by the store's
    own measure. `is_written`: the store's last write to its append-only file went well;
    `is_rewritten`: so did the last rewrite, which takes expired texts off the disk."""

    used_memory: int
    max_memory: int
    is_primary: bool
    is_full: bool
    is_written: bool
    is_rewritten: bool
    partitions: list[PartitionStats]


async def read_stats(logs: Logs) -> Stats:
    """The store's figures now; raises what redis-py raises when it is away."""
    info, *partitions = await asyncio.gather(
        logs.store.client.info("memory", "persistence", "replication"),
        *(_partition(each) for each in logs.all),
    )
    return Stats(
        used_memory=info["used_memory"],
        max_memory=info["maxmemory"],
        is_primary=info.get("role", "master") == "master",
        is_full=0 < info["maxmemory"] < info["used_memory"] - info["mem_not_counted_for_evict"],
        is_written=info.get("aof_last_write_status", "ok") == "ok",
        is_rewritten=info.get("aof_last_bgrewrite_status", "ok") == "ok",
        partitions=list(partitions),
    )


async def read_group_stats(logs: Logs) -> list[GroupStats]:
    """The figures of every group. How long it takes grows with the groups that are behind: what must
    be known in time does not wait for it."""
    return await read_groups(logs.all, _LONGEST_COUNT)


async def _partition(log: Log) -> PartitionStats:
    client, keys = log.store.client, log.keys
    now = int(ms_of(await client.time()))
    raw: Any = await client.hgetall(keys.meta)
    meta = {name.decode(): value for name, value in raw.items()}
    last, delivered, pending = await _positions(log)
    lag, oldest = await count_after(log, delivered, _LONGEST_COUNT)
    return PartitionStats(
        partition=keys.partition,
        length=await client.xlen(keys.log),
        lag=lag,
        lag_ms=max(0, now - oldest.ms) if oldest else 0,
        pending=pending,
        projected=int(meta.get("projected", 0)),
        redelivered=int(meta.get("redelivered", 0)),
        expired_unprocessed=int(meta.get("expired_unprocessed", 0)),
        swept=int(meta.get("swept", 0)),
        erasure_delay_ms=int(meta.get("erasure_delay", 0)),
        since_sweep_ms=now - int(meta["swept_at"]) if "swept_at" in meta else -1,
        ahead_ms=max(0, last.ms - now),
    )


async def _positions(log: Log) -> tuple[EntryId, EntryId, int]:
    """The log's last id, the last id that the projector was given, and how many it has not acked."""
    try:
        stream: dict[str, Any] = await log.store.client.xinfo_stream(log.keys.log)
        groups: list[dict[str, Any]] = await log.store.client.xinfo_groups(log.keys.log)
    except ResponseError:  # not there: never used, or flushed just now
        return START, START, 0
    last = EntryId.parse(stream["last-generated-id"].decode())
    for group in groups:
        if group["name"] == PROJECTOR.encode():
            return last, EntryId.parse(group["last-delivered-id"].decode()), group["pending"]
    return last, START, 0
