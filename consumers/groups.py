"""The groups on the logs: how far each is, what it holds, who is in it, what it could not handle."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from messenger.clock import ms_of
from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log
from messenger.replies import Rejected, facts
from messenger.scripts import load

# Counted in parts of so many.
_PART = 1_000
_COUNT = load("consumers", "count")


class ConsumerStats(msgspec.Struct, frozen=True):
    """One consumer of a group: what it holds, and for how long it has not been heard of, in ms."""

    name: str
    pending: int
    idle_ms: int


class GroupStats(msgspec.Struct, frozen=True):
    """One group on one partition. Times are milliseconds.

    `lag` counts entries that it was not given yet, `lag_ms` is the age of the oldest of them. `pending`
    counts those that it was given and has not acked, `oldest_pending_ms` is the age of the oldest; 0
    where there is none. The rest counts since the group's facts are kept.
    """

    group: str
    partition: int
    lag: int
    lag_ms: int
    pending: int
    oldest_pending_ms: int
    consumers: list[ConsumerStats]
    dead_letters: int
    handled: int
    expired: int
    redelivered: int


class Lag(msgspec.Struct, frozen=True):
    """`entries` were not given to the group yet, and the oldest of them is `seconds` old; `pending`
    were given to one of its consumers and not acked."""

    entries: int
    seconds: float
    pending: int


async def read_groups(
    logs: Sequence[Log], most: int | None = None, *, only: str | None = None
) -> list[GroupStats]:
    """Every group of each log, by name, or only this one; `most` is how far the lag is counted."""
    found = await asyncio.gather(*(_groups(log, most, only) for log in logs))
    groups = [group for partition in found for group in partition]
    return sorted(groups, key=lambda each: (each.group, each.partition))


async def read_lag(logs: Sequence[Log], group: str) -> Lag:
    """A group's lag on these logs together. Nothing is asked of other groups: a program that has one
    may not know of theirs."""
    of_group = await read_groups(logs, only=group)
    return Lag(
        entries=sum(each.lag for each in of_group),
        seconds=max((each.lag_ms for each in of_group), default=0) / 1_000,
        pending=sum(each.pending for each in of_group),
    )


async def group_names(log: Log) -> set[str]:
    """The groups on a log, the projector's among them."""
    return {_text(each["name"]) for each in await facts_of_groups(log)}


async def facts_of_groups(log: Log) -> list[dict[str, Any]]:
    """What the store says of each group; nothing where there is no log."""
    try:
        return [facts(each) for each in await log.store.pipe.call("XINFO", "GROUPS", log.keys.log)]
    except Rejected:  # never used, or flushed just now
        return []


async def count_after(log: Log, after: EntryId, most: int | None) -> tuple[int, EntryId | None]:
    """How many entries come after an id, up to `most`, and the first of them.

    XINFO's lag is not true after trims (redis#13338, redis#13473); the entries themselves are.
    """
    total, oldest = 0, None
    while most is None or total < most:
        part = _PART if most is None else min(_PART, most - total)
        reply = await log.store.pipe.run(_COUNT, [log.keys.log], [str(after), part])
        count, first, last = reply
        total += count
        if count and oldest is None:
            oldest = EntryId.read(first)
        if count < part:
            break
        after = EntryId.read(last)
    return total, oldest


async def _groups(log: Log, most: int | None, only: str | None) -> list[GroupStats]:
    now = int(ms_of(await log.store.pipe.call("TIME")))
    try:
        groups = await facts_of_groups(log)
        chosen = [each for each in groups if only in (None, _text(each["name"]))]
        return [await _group(log, each, now, most) for each in chosen]
    except Rejected:  # destroyed just now
        return []


async def _group(log: Log, fact: dict[str, Any], now: int, most: int | None) -> GroupStats:
    pipe, keys = log.store.pipe, log.keys
    name = _text(fact["name"])
    delivered = EntryId.read(fact["last-delivered-id"])
    lag, oldest = await count_after(log, delivered, most)
    pending, first, *_ = await pipe.call("XPENDING", keys.log, fact["name"])
    consumers = map(facts, await pipe.call("XINFO", "CONSUMERS", keys.log, fact["name"]))
    of_group = keys.meta if name == PROJECTOR else keys.group(name)
    counts = facts(await _or(pipe.call("HGETALL", of_group), []))
    return GroupStats(
        group=name,
        partition=keys.partition,
        lag=lag,
        lag_ms=_age(oldest, now),
        pending=pending,
        oldest_pending_ms=_age(EntryId.read(first) if first else None, now),
        consumers=[
            ConsumerStats(_text(each["name"]), each["pending"], each["idle"]) for each in consumers
        ],
        dead_letters=await _or(pipe.call("XLEN", keys.dead(name)), 0),
        handled=_number(counts, "projected" if name == PROJECTOR else "handled"),
        expired=_number(counts, "expired_unprocessed"),
        redelivered=_number(counts, "redelivered"),
    )


async def _or(asked: Awaitable[Any], otherwise: Any) -> Any:  # noqa: ANN401  as the store sends it
    """Whoever has a group may write its keys: one of another type hides no other group."""
    try:
        return await asked
    except Rejected:
        return otherwise


def _number(counts: dict[str, bytes], name: str) -> int:
    """The same for a count that is no number."""
    found = counts.get(name, b"")
    return int(found) if found.isdigit() and len(found) < 19 else 0


def _age(entry_id: EntryId | None, now: int) -> int:
    return 0 if entry_id is None else max(0, now - entry_id.ms)


def _text(name: bytes) -> str:
    """A name that others may have chosen, of any bytes; two of them never look the same."""
    return name.decode(errors="backslashreplace")
