"""A repartition that is stopped, killed, late or one of two: it is done, or all is as it was."""

import asyncio
from collections.abc import Callable

import pytest

from consumers import moving
from consumers.carrying import Carrying
from consumers.changes import Changes
from consumers.moving import Moving
from consumers.rebuild import Rebuild
from consumers.repartition import Repartition
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import (
    RebuildRunning,
    RepartitionLost,
    StoreFull,
)
from messenger.keys import Keys
from messenger.log import Logs, Post
from messenger.partitions import count, standing
from messenger.settings import Settings
from tests.damages import verified
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, now_ms
from tests.repartitioning import (
    Killed,
    by_room,
    held_before,
    in_force,
    kill_at,
    let_copies_die,
    let_the_lease_end,
    repartitioned,
    room_in,
    talk,
)

Make = Callable[..., Settings]


async def test_two_at_once(
    store: Store, logs: Logs, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is refused and harms nothing, and so is a rebuild; and one beside a rebuild."""
    first, held = await held_before(monkeypatch, logs, settings(), "_switch", asyncio.Event())
    for second in (
        Repartition(logs, settings(), 3, asyncio.Event()),
        Rebuild(logs, asyncio.Event()),
    ):
        with pytest.raises(RebuildRunning, match=r"another .*rep?|rebuild"):
            await second.run()
    held.go.set()
    assert await first
    found = await in_force(store, settings())
    assert len(found.all) == 2
    assert await verified(found) == []


_STEPS = [
    (Repartition, "_copy", False, 2),
    (Repartition, "_switch", False, 2),
    (Moving, "put", True, 2),
    (Carrying, "run", True, 2),
    (Moving, "commit", False, 2),
    (Moving, "finish", False, 4),
    (Moving, "_clean", False, 4),
    (Moving, "_take_out", True, 4),
]


@pytest.mark.parametrize("by", ["again", "worker"])
@pytest.mark.parametrize(("of", "step", "after", "number"), _STEPS)
async def test_one_that_is_killed_is_over_one_way_or_the_other(
    private_store: PrivateStore,
    store: Store,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    of: type,
    step: str,
    after: bool,
    number: int,
    by: str,
) -> None:
    """At whatever step: before the new number is in force the old partitions go on, from then on the new
    ones do, and nothing is lost, doubled or left. A worker sees to it, or who runs it again."""
    with private_store.client() as client:
        logs = await in_force(store, settings(partitions="2"))
        ids = await talk(logs, 3)
        kill_at(monkeypatch, of, step, after=after)
        with pytest.raises(Killed):
            await Repartition(logs, settings(), 4, asyncio.Event()).run()
        monkeypatch.undo()
        let_the_lease_end(client, 2)
        let_copies_die(client)
        if by == "worker":
            changes = Changes(logs)
            await changes._step(asyncio.Event())
            found = changes.logs
        else:
            await moving.recover(store, settings())
            found = await in_force(store, settings())
        assert len(found.all) == await standing(store) == number
        for log in found.all:
            await log.append(Post(room_in(log.keys.partition, number), "me", "after"))
            await project_all(log)
        left = by_room(private_store, number)
        assert {
            room: [EntryId.read(entry) for entry, fields in of_room if fields[b"text"] != b"after"]
            for room, of_room in left.items()
        } == ids
        assert await verified(found) == []
        if number == 2:
            # And then it can be done.
            found = await repartitioned(store, settings(), 4)
        assert await verified(found) == []
        assert sum(len(of_room) for of_room in by_room(private_store, 4).values()) == 36 + number


async def test_a_worker_lets_one_that_lives_go_on(
    store: Store, logs: Logs, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is slow is not taken over."""
    slow, held = await held_before(monkeypatch, logs, settings(), "_catch_up", asyncio.Event())
    changes = Changes(logs)
    await changes._step(asyncio.Event())
    assert changes.logs is logs
    held.go.set()
    assert await slow
    await changes._step(asyncio.Event())
    assert len(changes.logs.all) == 2


async def test_a_stop_leaves_all_as_it_was(
    private_store: PrivateStore,
    store: Store,
    logs: Logs,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the last step; not a key of the new partitions is left."""
    stop = asyncio.Event()
    work, held = await held_before(monkeypatch, logs, settings(), "_switch", stop)
    stop.set()
    held.go.set()
    assert not await work
    assert await count(store) == 1
    with private_store.client() as client:
        assert client.keys("messenger:{1}:*") == []
    assert (await logs.all[0].append(Post("lobby", "me", "on it goes"))).is_new


async def test_a_log_that_is_cut_meanwhile_gives_it_up(
    private_store: PrivateStore,
    store: Store,
    logs: Logs,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was cut early must not come back by a copy."""
    work, held = await held_before(monkeypatch, logs, settings(), "_switch", asyncio.Event())
    with private_store.client() as client:
        client.hset(KEYS.meta, "trimmed_to", "5-0")
        held.go.set()
        with pytest.raises(RepartitionLost, match="serves as before"):
            await work
        assert await standing(store) == 1
        assert client.keys("messenger:{1}:*") == []


async def test_a_fence_that_came_down_too_early_gives_it_up(
    private_store: PrivateStore, store: Store, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one partition of two: what came in there since would be lost, so the number is not changed."""
    logs = await in_force(store, settings(partitions="2"))
    await talk(logs, 1)
    whole, late = Moving.commit, room_in(1, 2)

    async def commit(moving: Moving) -> None:
        with private_store.client() as client:
            client.hset(Keys(1).meta, "fence", now_ms(client) - 1)
        await logs.of(late).append(Post(late, "me", "just in time"))
        await whole(moving)

    monkeypatch.setattr(Moving, "commit", commit)
    with pytest.raises(RepartitionLost):
        await Repartition(logs, settings(), 4, asyncio.Event()).run()
    assert await standing(store) == 2
    texts = [fields[b"text"] for _, fields in by_room(private_store, 2)[late]]
    assert texts[-1] == b"just in time"
    with private_store.client() as client:
        assert client.keys("messenger:{[23]}:*") == []
    assert (await logs.of(late).append(Post(late, "me", "on it goes"))).is_new


async def test_a_store_without_room_is_refused(
    own_store: Callable[..., PrivateStore], settings: Make
) -> None:
    """The copies would have messages cut early."""
    private = own_store()
    async with Store(private.url) as store:
        logs = await in_force(store, settings())
        await talk(logs, 1)
        with private.client() as client:
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory", int(used * 1.1))
            with pytest.raises(StoreFull, match="allowed: a limit that leaves room"):
                await Repartition(logs, settings(), 2, asyncio.Event()).run()
            assert await standing(store) == 1
            assert client.keys("messenger:{1}:*") == []


async def test_new_partitions_of_one_that_died_go_by_themselves(
    private_store: PrivateStore,
    store: Store,
    logs: Logs,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody sweeps them: so every key of theirs has an end."""
    await talk(logs, 1)
    kill_at(monkeypatch, Repartition, "_switch")
    with pytest.raises(Killed):
        await Repartition(logs, settings(), 2, asyncio.Event()).run()
    with private_store.client() as client:
        keys = client.keys("messenger:{1}:*")
        assert Keys(1).log.encode() in keys
        assert [key for key in keys if client.pttl(key) == -1] == []
        assert 0 < client.pttl(Keys(1).log) <= 15_000
        let_the_lease_end(client, 1)
