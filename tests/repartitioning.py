"""Repartitions in tests: what must be there after, and one that dies on its way."""

import asyncio
from typing import Any

import msgspec
import pytest
import redis

from consumers.repartition import Repartition
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.keys import Keys, partition_of
from messenger.log import Logs, Post
from messenger.partitions import count
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import now_ms
from tests.rebuilding import Held

ROOMS = [f"room-{number}" for number in range(12)]


def room_in(partition: int, of: int) -> str:
    """A room that is in that one of so many partitions."""
    return next(room for room in ROOMS if partition_of(room, of) == partition)


# An entry as another program sees it: its id and its fields.
Entries = dict[str, list[tuple[bytes, dict[bytes, bytes]]]]


async def repartitioned(store: Store, settings: Settings, to: int) -> Logs:
    """Does it, and gives the logs that are in force then."""
    work = Repartition(await in_force(store, settings), settings, to, asyncio.Event())
    assert await work.run()
    return await in_force(store, settings)


async def held_before(
    monkeypatch: pytest.MonkeyPatch, logs: Logs, settings: Settings, step: str, stop: asyncio.Event
) -> tuple[asyncio.Task[bool], Held]:
    """One to two partitions, with messages in them, that stands still before a step until it may go."""
    await talk(logs, 1)
    held = Held(monkeypatch, step, Repartition)
    work = asyncio.create_task(Repartition(logs, settings, 2, stop).run())
    await held.is_there.wait()
    return work, held


async def in_force(store: Store, settings: Settings) -> Logs:
    number = await count(store) or settings.partitions
    logs = Logs(store, msgspec.structs.replace(settings, partitions=number))
    await logs.settle()
    return logs


def by_room(private: PrivateStore, partitions: int) -> Entries:
    """What the logs hold, by room, each in the log's order; every room in its own partition alone."""
    found: Entries = {}
    for partition in range(partitions):
        with private.client(partition) if _is_many(private) else private.client() as client:
            for entry_id, fields in client.xrange(Keys(partition).log):
                room = fields[b"room"].decode()
                assert partition_of(room, partitions) == partition, (room, partition)
                found.setdefault(room, []).append((entry_id, fields))
    return found


def _is_many(private: Any) -> bool:
    return not isinstance(private, PrivateStore) and hasattr(private, "whole")


class Killed(BaseException):
    """In the place of a signal that nothing can be done about."""


def kill_at(monkeypatch: pytest.MonkeyPatch, of: Any, step: str, *, after: bool = False) -> None:
    """The process dies when it comes to a step, or when that is done: it cleans nothing up."""
    whole = getattr(of, step)

    async def dies(*args: Any, **given: Any) -> None:
        if after:
            await whole(*args, **given)
        raise Killed

    async def nothing(_: Repartition) -> None:
        return

    monkeypatch.setattr(of, step, dies)
    monkeypatch.setattr(Repartition, "_leave", nothing)


def let_the_lease_end(client: redis.Redis, partitions: int) -> None:
    """All that has an end by itself has come to it, for one that was killed long enough ago."""
    for partition in range(partitions):
        keys = Keys(partition)
        client.hset(keys.meta, "rebuild_until", now_ms(client) - 1)
        fence = client.hget(keys.meta, "fence")
        if fence is not None and int(fence) < 2**53 - 1:
            client.hset(keys.meta, "fence", now_ms(client) - 1)


def let_copies_die(client: redis.Redis) -> None:
    """What dies by itself with its maker is gone."""
    for key in client.scan_iter("messenger:*"):
        if client.type(key) == b"hash" and client.hexists(key, "split") and client.pttl(key) > 0:
            tag = key.rpartition(b":")[0].decode()
            client.delete(*(f"{tag}:{name}" for name in ("log", "meta", "secret", "expiring")))


async def talk(logs: Logs, count_: int = 5) -> dict[str, list[EntryId]]:
    """Messages in many rooms, projected."""
    ids: dict[str, list[EntryId]] = {}
    for number in range(count_):
        for room in ROOMS:
            posted = await logs.of(room).append(
                Post(room, "me", f"{room} {number}", key=f"{number}")
            )
            ids.setdefault(room, []).append(posted.id)
    for log in logs.all:
        await project_all(log)
    return ids
