"""A repartition whose replicas are away, or that was held up: nothing that is in force is harmed."""

import asyncio
from collections.abc import Callable

import pytest

from consumers import moving, repartition
from consumers.moving import Moving
from consumers.repartition import Repartition
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import (
    RepartitionLost,
)
from messenger.keys import Keys
from messenger.log import Logs
from messenger.partitions import standing
from messenger.settings import Settings
from tests.damages import verified
from tests.private_store import PrivateStore
from tests.raw import now_ms
from tests.rebuilding import Held
from tests.repartitioning import (
    by_room,
    in_force,
    let_the_lease_end,
    repartitioned,
    talk,
)
from tests.replicated import replicated

Make = Callable[..., Settings]


async def test_replicas_must_have_the_copies(settings: Make) -> None:
    """Where a message counts only when a replica has it: without one the number stays as it was."""
    strict = settings(replicas="1")
    async with replicated() as pair, Store(pair.primary.url) as store:
        logs = await in_force(store, strict)
        await talk(logs, 1)
        pair.replica.freeze()
        try:
            with pytest.raises(RepartitionLost, match="MESSENGER_REPLICAS"):
                await Repartition(logs, strict, 2, asyncio.Event()).run()
        finally:
            pair.replica.thaw()
        assert await standing(store) == 1
        await pair.is_followed()
        await repartitioned(store, strict, 2)
        with pair.primary.client() as client:
            assert client.xlen(Keys(1).log) > 0


@pytest.mark.parametrize("step", ["clear", "_prepare"])
async def test_one_that_was_held_up_harms_nobody(
    private_store: PrivateStore,
    store: Store,
    logs: Logs,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """It stood still for so long that another has done it meanwhile: what that has made stays."""
    ids = await talk(logs, 1)
    held = Held(monkeypatch, step, Moving if step == "clear" else Repartition)
    stood = asyncio.create_task(Repartition(logs, settings(), 2, asyncio.Event()).run())
    await held.is_there.wait()
    monkeypatch.undo()
    monkeypatch.setattr(Moving, "_keep", asyncio.Event().wait)
    with private_store.client() as client:
        let_the_lease_end(client, 1)
        found = await repartitioned(store, settings(), 2)
        held.go.set()
        with pytest.raises(RepartitionLost):
            await stood
        assert await standing(store) == 2
        left = by_room(private_store, 2)
        assert {room: [EntryId.read(each) for each, _ in of] for room, of in left.items()} == ids
        assert await verified(found) == []


async def test_what_is_in_force_is_never_taken_away(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """Not by a script that is late, either: it was held up after it had looked."""
    await talk(logs, 1)
    found = await repartitioned(store, settings(), 2)
    one = found.all[1]
    with private_store.client() as client:
        soon = now_ms(client) + 5_000
        names = [one.keys.meta, one.keys.log, one.keys.meta]
        assert await one.store.pipe.run(moving._DROP, names, [soon]) == -1
        keys = [one.keys.log, one.keys.meta, one.keys.expiring, one.keys.secret]
        asked = ["word", 1_000, 2, "secret", soon, "epoch", "1-x"]
        assert await one.store.pipe.run(repartition._FOUND, keys, asked) == 0
        client.hset(one.keys.meta, "split", "whole")
        late = now_ms(client) - 1
        assert await one.store.pipe.run(moving._DROP, names, [late]) == -1
        assert await one.store.pipe.run(repartition._FOUND, keys, [*asked[:4], late]) == 0
        client.hdel(one.keys.meta, "split")
    assert await verified(found) == []
