"""Harms to the store: frozen, killed, emptied, full, cut back, set to another time."""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any

import redis

from consumers.memory import memory_of
from messenger.keys import Keys
from tests.faults.faketime import set_clock
from tests.faults.history import wall_ms
from tests.faults.rounds import Round
from tests.waiting import wait_until

KEYS = Keys(0)
_TOLD_S = 8.0


async def freeze(this: Round) -> None:
    """F2: SIGSTOP for up to three seconds, twice."""
    for _ in range(2):
        this.site.store.freeze()
        this.injected += 1
        await this.pause(0.6, 3.0)
        this.site.store.thaw()
        this.healed()
        await this.pause(0.5, 1.0)


async def kill(this: Round) -> None:
    """F3: kill -9, back at once or after a while, twice."""
    for _ in range(2):
        this.site.store.kill()
        this.injected += 1
        await this.pause(0.0, 1.5)
        await asyncio.to_thread(this.site.store.start)
        this.healed()
        await this.pause(0.5, 1.0)


async def lose_power(this: Round) -> None:
    """F4, everysec: the file is cut back to what it was up to a second before the kill, as the sync
    leaves it; what was answered may have been written two seconds later still."""
    store = this.site.store
    sizes: list[tuple[int, int]] = []
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        sizes.append((wall_ms(), _file(store.folder).stat().st_size))
        await asyncio.sleep(0.02)
    store.kill()
    killed = wall_ms()
    size = this.rng.choice([size for at, size in sizes if at >= killed - 1_000])
    os.truncate(_file(store.folder), size)
    this.injected += 1
    await asyncio.to_thread(store.start)
    this.forgive(killed - 3_000)
    this.healed()
    await this.pause(1.0)


async def lose_power_synced(this: Round) -> None:
    """F4, always: the file is cut back to its size when the last post was answered."""
    store = this.site.store
    assert this.writers is not None
    await this.pause(0.5, 1.5)
    # All that was answered by now was written and synced by now.
    size = _file(store.folder).stat().st_size
    answered = wall_ms()
    await this.pause(0.0, 0.3)
    store.kill()
    os.truncate(_file(store.folder), size)
    this.injected += 1
    await asyncio.to_thread(store.start)
    this.forgive(answered)
    this.healed()
    await this.pause(1.0)


async def empty(this: Round) -> None:
    """F5: flushed, or its log deleted, or killed without a file: a new history, and all are told."""
    how = this.rng.choice(("flush", "delete", "kill"))
    store = this.site.store
    if how == "kill":
        store.kill()
        for left in (store.folder / "appendonlydir").glob("*"):
            left.unlink()
        store.start()
    else:
        with store.client() as client:
            client.flushall() if how == "flush" else client.delete(KEYS.log)
            this.history.counts_are_older = how == "delete"
    this.injected += 1
    # Whoever was answered before may have been answered about the history before.
    await asyncio.sleep(0.05)
    this.forgive(0)
    this.healed()
    this.notes.append(how)
    await this.pause(2.0)
    # One may be away for some seconds, or on the way to a process that is not back yet.
    with contextlib.suppress(AssertionError):
        await wait_until(lambda: not _not_told(this), "all are told", seconds=_TOLD_S)
    this.demand(not _not_told(this), f"{_not_told(this)} were not told of the reset")


def _not_told(this: Round) -> list[str]:
    return [
        reading.name
        for reading in this.history.readings
        if not any(gap.reason == "reset" for gap in reading.gaps())
    ]


async def step_clock(this: Round) -> None:
    """F6: an hour back, right again; an hour forward, right again."""
    store = this.site.store
    hours = this.rng.choice(((-1, 0), (1, 0)))
    for hour in hours:
        if hour < 0:
            this.site.clock_ms = hour * 3_600_000
        set_clock(store.environment, hour * 3_600)
        # What goes forward is known with the next read of the log, which somebody's post ends.
        await this.pause(0.3)
        this.site.clock_ms = hour * 3_600_000
        this.injected += 1
        this.ahead_ms = max(this.ahead_ms, hour * 3_600_000)
        this.healed()
        await this.pause(2.0)
        if hour == -1:
            this.demand(await _has_alarm(this), "no process tells of the clock that was set back")


async def fill(this: Round) -> None:
    """F12: memory is full of messages: the oldest are cut early, readers are told, and posts go on."""
    with this.site.store.client() as client:
        limit = client.info("memory")["used_memory"] + 3_000_000
        most = _kept(client) + 3_000_000
        client.config_set("maxmemory", str(limit))
        this.injected += 1
        highest = await _highest(client, 8.0)
        last = this.writers.accepted_at[-1][0] if this.writers else 0.0
        cut = int(client.hget(KEYS.meta, "trimmed") or 0)
        client.config_set("maxmemory", "0")
    this.demand(cut, "nothing was cut")
    this.demand(time.monotonic() - last < 2.0, "no post was accepted at the end")
    this.demand(highest < most * 1.1, f"{highest} bytes were kept of {most}")
    this.notes.append(f"{cut} cut, at most {highest * 100 // most} % of the limit used")
    this.healed()


async def fill_with_others(this: Round) -> None:
    """F12a: memory is full of something else: no message is cut for it, posts are refused until there
    is room, and all goes on by itself."""
    with this.site.store.client() as client:
        client.set("another program's", b"x" * 40_000_000, px=600_000)
        limit = client.info("memory")["used_memory"] - 1_000_000
        client.config_set("maxmemory", str(limit))
        this.injected += 1
        await this.pause(3.0, 5.0)
        this.demand("store-full" in this.history.refusals, "the store was never full")
        this.demand(not client.hget(KEYS.meta, "trimmed"), "messages were cut")
        client.delete("another program's")
    this.healed()


async def _highest(client: redis.Redis, seconds: float) -> int:
    """The most memory that the store's data take in that time."""
    highest, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        highest = max(highest, _kept(client))
        await asyncio.sleep(0.05)
    return highest


def _kept(client: redis.Redis) -> int:
    """What the store uses, without what its scripts leave for their next collection and what connections
    take for a moment: up to a megabyte, whatever the limit."""
    told = client.info("memory")
    return (
        memory_of(told).used - int(told["used_memory_vm_total"]) - int(told["mem_clients_normal"])
    )


async def fill_disk(this: Round) -> None:
    """F17: the append-only file can't grow; posts are refused until it can."""
    store = this.site.store
    store.limit_files(_file(store.folder).stat().st_size + 4_096)
    this.injected += 1
    await this.pause(2.5, 4.0)
    this.demand("store-unavailable" in this.history.refusals, "nobody was refused")
    store.limit_files(-1)
    # The server tries again once a second.
    await asyncio.to_thread(_writable, store.client())
    this.healed()
    await this.pause(0.5)


async def refuse_writes(this: Round) -> None:
    """The store is a replica for a while, as in a failover: it is read, and not written."""
    with this.site.store.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        this.injected += 1
        await this.pause(2.0, 3.5)
        this.demand("store-unavailable" in this.history.refusals, "nobody was refused")
        client.execute_command("REPLICAOF", "NO", "ONE")
        this.healed()
    await this.pause(0.5)


async def _has_alarm(this: Round) -> bool:
    web = this.rng.choice(this.site.webs)
    async with this.session.get(f"{web.url}/health/ready") as response:
        found: dict[str, Any] = await response.json()
        return any("clock" in words for words in found["problems"])


def _file(folder: Path) -> Path:
    """The append-only file that is written now."""
    (found,) = (folder / "appendonlydir").glob("*.incr.aof")
    return found


def _writable(client: redis.Redis) -> None:
    with client:
        for _ in range(500):
            try:
                client.set("messenger:{0}:visitor:probe", "1", px=1)
            except redis.exceptions.ResponseError:
                time.sleep(0.01)
            else:
                return
