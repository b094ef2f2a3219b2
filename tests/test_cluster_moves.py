"""Slots that move under readers and writers, by an operator's hand."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from consumers.group import Group
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.cluster import slot_of
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.keys import PROJECTOR, Keys
from tests.crowds import Crowd, rooms_of
from tests.private_cluster import PrivateCluster
from tests.serving import Messenger
from tests.slot_moves import Move, half_moved, move_at_once, move_by_keys

PARTITIONS = 8

Run = Callable[..., Awaitable[Messenger]]


@pytest.mark.parametrize("move", [move_at_once, move_by_keys])
async def test_a_slot_moves_under_blocked_readers(
    cluster: PrivateCluster, run_messenger: Run, move: Move
) -> None:
    """Every partition moves to the next server and back while people post and read. Nothing is lost
    or doubled, nobody is told of a gap, and no stream ends."""
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        for partition in range(PARTITIONS):
            slot = slot_of(partition)
            home = cluster.owner(slot)
            other = next(primary for primary, _ in cluster.pairs() if primary is not home)
            await move(cluster, slot, other)
            await crowd.everyone_posts(2)
            await move(cluster, slot, home)
        await crowd.everyone_posts()
    assert await crowd.check() == 0
    assert [told.gaps() for told in crowd.told.values()] == [[]] * PARTITIONS
    assert not any(told.refusals for told in crowd.told.values())


async def test_nothing_is_done_by_half_while_a_slot_moves_key_by_key(
    cluster: PrivateCluster, run_messenger: Run
) -> None:
    """With the view's keys on the other server and the log still here, a post waits and is refused, and
    neither projector nor sweeper does a part of its work; afterwards all of it is done."""
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS), with_worker=False)
    room = rooms_of(PARTITIONS)[0]
    kept = await messenger.post("kept", room)
    log = messenger.logs.all[0]
    view, group = View(log), Group(log, consumer="test")
    # Now the counts' key is there: only the row of what comes next is not.
    assert await view.apply(await group.new()) == 1
    erased = await messenger.post("erased", room)
    given = await group.new()
    slot = slot_of(0)
    with cluster.owner(slot).client() as source:
        other = next(
            primary for primary, _ in cluster.pairs() if primary is not cluster.owner(slot)
        )
        async with half_moved(cluster, slot, other, ":message:"):
            *outcomes, refused = await asyncio.gather(
                view.apply(given),
                log.erase(room, EntryId.parse(erased["id"]), "author"),
                Sweeper(messenger.logs).step(),
                messenger.problem("POST", f"/api/rooms/{room}/messages", json={"text": "refused"}),
                return_exceptions=True,
            )
            assert [type(each) for each in outcomes] == [StoreUnavailable] * 3
            assert refused["code"] == "store-unavailable"
            assert source.xpending(log.keys.log, PROJECTOR)["pending"] == 1
            assert source.xlen(log.keys.log) == 2
    assert await view.apply(given) == 1
    await log.erase(room, EntryId.parse(erased["id"]), "author")
    assert [each.text for each in await view.page(room, None, 10)] == ["kept"]
    await messenger.post("afterwards", room)
    assert await messenger.texts(room) == ["kept", "afterwards"]
    assert (await view.message(room, EntryId.parse(kept["id"]))).text == "kept"
    await group.close()


async def test_a_reader_is_told_that_it_reads_elsewhere(
    cluster: PrivateCluster,
) -> None:
    """Somebody else was told where the slot is by now, between two reads: the reader does not go there
    unawares, for the other server may have less."""
    slot = slot_of(0)
    home = cluster.owner(slot)
    async with Store(cluster.url) as store:
        part, key = store.of(0), Keys(0).log
        reader = part.reader()
        assert await reader.once(("XREAD", "STREAMS", key, "0")) == [None]
        await move_at_once(
            cluster, slot, next(each for each in cluster.nodes[:3] if each is not home)
        )
        await part.pipe.call("XLEN", key)
        with pytest.raises(StoreUnavailable):
            await reader.once(("XREAD", "STREAMS", key, "0"))
        assert await reader.once(("XREAD", "STREAMS", key, "0")) == [None]
    await move_at_once(cluster, slot, home)
