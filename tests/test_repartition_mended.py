"""What a repartition leaves, whatever comes in between: nobody stands before a closed partition for
good, and nothing of a copy that never came in force is left."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from consumers import moving
from consumers.changes import Changes
from consumers.moving import Moving
from consumers.repartition import Repartition
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import RebuildRunning, Repartitioning, RepartitionLost
from messenger.keys import Keys
from messenger.log import Log, Logs, Post
from messenger.partitions import standing
from messenger.settings import Settings
from tests.damages import verified
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import holders, now_ms
from tests.repartitioning import (
    ROOMS,
    Entries,
    Killed,
    by_room,
    in_force,
    kill_at,
    let_copies_die,
    let_the_lease_end,
    room_in,
    talk,
)
from tests.replicated import replicated
from tests.users import refused, url_as

Make = Callable[..., Settings]


def ids_in(found: Entries) -> dict[str, list[EntryId]]:
    return {room: [EntryId.read(each) for each, _ in of] for room, of in found.items()}


async def kill_half_way(monkeypatch: pytest.MonkeyPatch, logs: Logs, settings: Settings) -> None:
    """All partitions but the first are held, and the number is as it was."""

    async def half(moving: Moving) -> None:
        for log in moving.logs[:0:-1]:
            await moving.fence(log, "hold")
        raise Killed

    monkeypatch.setattr(Moving, "commit", half)
    kill_at(monkeypatch, Repartition, "_end")
    with pytest.raises(Killed):
        await Repartition(logs, settings, 4, asyncio.Event()).run()
    monkeypatch.undo()


async def kill_in_the_end(monkeypatch: pytest.MonkeyPatch, logs: Logs, settings: Settings) -> None:
    """The new number is in force, and all else is to be done."""
    kill_at(monkeypatch, Moving, "finish")
    with pytest.raises(Killed):
        await Repartition(logs, settings, 4, asyncio.Event()).run()
    monkeypatch.undo()


@pytest.mark.parametrize(("kill", "number"), [(kill_half_way, 2), (kill_in_the_end, 4)])
async def test_a_worker_that_comes_too_early_harms_nothing(
    private_store: PrivateStore,
    store: Store,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    kill: Callable[..., Awaitable[None]],
    number: int,
) -> None:
    """While the lease on a later partition still lives: it leaves all as it is, and the next one, or
    itself a moment later, brings it to its end. All rooms are open then."""
    logs = await in_force(store, settings(partitions="2"))
    ids = await talk(logs, 3)
    await kill(monkeypatch, logs, settings())
    with private_store.client() as client:
        let_the_lease_end(client, 2)
        client.hset(Keys(1).meta, "rebuild_until", now_ms(client) + 60_000)
        names = ("partitions", "moving", "fence")
        before = client.hmget(Keys(0).meta, *names)
        with pytest.raises(RebuildRunning):
            await moving.recover(store, settings())
        assert client.hmget(Keys(0).meta, *names) == before
        assert not client.hexists(Keys(0).meta, "rebuild")
        let_the_lease_end(client, 2)
    changes = Changes(logs)
    await changes._step(asyncio.Event())
    assert await moving.unfinished(store) is None
    assert len(changes.logs.all) == await standing(store) == number
    assert ids_in(by_room(private_store, number)) == ids
    for room in ROOMS:
        assert (await changes.logs.of(room).append(Post(room, "me", "after"))).is_new


async def test_it_comes_to_its_end_in_a_full_store(
    own_store: Callable[..., PrivateStore], settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left to do frees memory: a store that is full is not closed for good."""
    private = own_store()
    async with Store(private.url) as store:
        logs = await in_force(store, settings(partitions="2"))
        ids = await talk(logs, 3)
        await kill_in_the_end(monkeypatch, logs, settings())
        with private.client() as client:
            let_the_lease_end(client, 2)
            client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
            assert await moving.recover(store, settings()) == (2, 4)
            assert [client.hget(Keys(each).meta, "fence") for each in range(4)] == [None] * 4
            client.config_set("maxmemory", 0)
        assert ids_in(by_room(private, 4)) == ids
        assert await verified(await in_force(store, settings())) == []


@pytest.mark.parametrize("is_lost", [True, False])
async def test_a_number_that_replicas_may_not_have_takes_nothing_away(
    settings: Make, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    """Where replicas must have what counts: before they have the new number nothing builds on it. So
    after a failover that lost it the old partitions go on, and without one the new ones do."""
    strict = settings(partitions="2", replicas="1")
    async with replicated() as pair, Store(pair.primary.url) as store:
        logs = await in_force(store, strict)
        ids = await talk(logs, 1)
        whole, before = Moving.commit, {}

        async def commit(moving: Moving) -> None:
            with pair.primary.client() as client:
                before.update(client.hgetall(Keys(0).meta))
            pair.replica.freeze()
            await whole(moving)

        monkeypatch.setattr(Moving, "commit", commit)
        with pytest.raises(RepartitionLost, match="MESSENGER_REPLICAS"):
            await Repartition(logs, strict, 4, asyncio.Event()).run()
        room = room_in(2, 4)
        with pytest.raises(Repartitioning):
            # It would be lost with the number.
            await Log(store, 2, settings(partitions="4")).append(Post(room, "me", "too early"))
        with pair.primary.client() as client:
            let_the_lease_end(client, 2)
            with pytest.raises(RepartitionLost, match="a worker goes on"):
                await moving.recover(store, strict)
            pair.replica.thaw()
            await pair.is_followed()
            if is_lost:
                client.hset(Keys(0).meta, mapping=before)
            let_the_lease_end(client, 2)
            async with Store(url_as(pair.primary.url, "worker")) as worker:
                assert await moving.recover(worker, strict) == (2, 4)
            assert refused(client) == []
            number = 2 if is_lost else 4
            assert {client.hget(Keys(each).meta, "fence") for each in range(number)} == {None}
        assert await standing(store) == number
        assert ids_in(by_room(pair.primary, number)) == ids
        found = await in_force(store, strict)
        assert await verified(found) == []
        for room in ROOMS:
            assert (await found.of(room).append(Post(room, "me", "after"))).is_new


@pytest.mark.parametrize("are_dead", [False, True])
async def test_nothing_of_a_copy_that_was_killed_is_left(
    private_store: PrivateStore,
    store: Store,
    logs: Logs,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    are_dead: bool,
) -> None:
    """A worker takes away its view, too: there a message would stay that is erased meanwhile."""
    ids = await talk(logs, 1)
    kill_at(monkeypatch, Repartition, "_switch")
    with pytest.raises(Killed):
        await Repartition(logs, settings(), 2, asyncio.Event()).run()
    monkeypatch.undo()
    room = room_in(1, 2)
    with private_store.client() as client:
        copy = Keys(1).message(str(ids[room][0]))
        assert client.exists(copy)
        await logs.of(room).erase(room, ids[room][0], "author")
        await project_all(logs.of(room))
        let_the_lease_end(client, 1)
        if are_dead:
            let_copies_die(client)
        await Changes(logs)._step(asyncio.Event())
        assert client.keys("messenger:{1}:*") == []
        assert holders(client, f"{room} 0") == []
    assert await moving.unfinished(store) is None
    assert await standing(store) == 1


async def test_it_is_over_only_when_every_partition_is_open(
    private_store: PrivateStore,
    store: Store,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who lost the lease on one at its very end says so, and a worker opens it; a worker that can't
    says so in its log."""
    logs = await in_force(store, settings(partitions="2"))
    await talk(logs, 1)
    whole = Moving.fence

    async def fence(moving: Moving, log: object, verb: str, *more: object) -> bytes:
        if verb == "lift" and log is moving.logs[1]:
            return b""
        return await whole(moving, log, verb, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Moving, "fence", fence)
    with pytest.raises(RepartitionLost):
        await Repartition(logs, settings(), 4, asyncio.Event()).run()
    with private_store.client() as client:
        let_the_lease_end(client, 2)
        changes = Changes(logs)
        with caplog.at_level(logging.ERROR):
            await changes._step(asyncio.Event())
        assert "a repartition that was killed is not over" in caplog.text
        monkeypatch.undo()
        let_the_lease_end(client, 2)
        await Changes(logs)._step(asyncio.Event())
        assert [client.hget(Keys(each).meta, "fence") for each in range(4)] == [None] * 4
    assert await moving.unfinished(store) is None
