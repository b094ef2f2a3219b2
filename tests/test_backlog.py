"""A log that is read at the start: the same comes out as where each entry is taken in as it comes."""

import random
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import redis

import messenger.tail
import web.backlog
import web.remembered
from messenger.clock import StoreClock
from messenger.connection import Store
from messenger.entries import START, EntryId
from messenger.errors import StoreUnavailable
from messenger.log import Logs
from messenger.settings import Settings
from messenger.tail import Tail
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.sinks import Recorder
from web.everything import Scope
from web.feed import Feed
from web.partition import Partition

_FAR = 2**63


@pytest.fixture
def few_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room remembers ten, and the log is read in small pieces."""
    monkeypatch.setattr(messenger.tail, "_COUNT", 37)
    for module, name in product((web.remembered, web.backlog), ("LEAST", "MOST")):
        monkeypatch.setattr(module, name, 10)


def write_all_sorts(client: redis.Redis, seed: int) -> None:
    """Messages of many lives in rooms of many sizes, some over; erasures, and what is not ours."""
    chance = random.Random(seed)
    begin_earlier(client)
    ids = list(ids_of_late(client, 400))
    for number, entry_id in enumerate(ids):
        room = f"room-{min(chance.randrange(12), chance.randrange(12))}"
        if chance.random() < 0.1 and number:
            fields = {"type": "message.erased", "message": chance.choice(ids[:number])}
            client.xadd(KEYS.log, {"room": room, **fields, "by": "author"}, id=entry_id)
        elif chance.random() < 0.05:
            client.xadd(KEYS.log, {"type": "message.unheard-of", "room": room}, id=entry_id)
        else:
            ttl = chance.choice((1_000, 45_000, 600_000, 900_000, 900_000, 900_000))
            fill(client, [entry_id], room=room, ttl=str(ttl))


async def read_whole(partition: Partition, *, as_it_comes: bool) -> Partition:
    """The partition, once it has read the log."""
    if as_it_comes:
        listener = Recorder().subscriber
        partition._everything.listeners[listener] = Scope(frozenset(), frozenset())
    while not partition.is_ready:
        await partition.step()
        assert (partition._backlog is None) == (as_it_comes or partition.is_ready)
    await partition.close()
    return partition


def told(partition: Partition, now: int) -> dict[str, Any]:
    """All that a partition would tell anyone."""
    rooms = {
        name: (
            room.floor,
            room.messages,
            list(room._known.values()),
            room.newest(50, now),
            room.last_expiry(now),
            room.last_id(),
            room.reaches_beyond(now),
            room.expired_to,
        )
        for name, room in sorted(partition.rooms.items())
    }
    counts = partition.counted
    return {
        "rooms": rooms,
        "expired to": partition.rooms.expired_to,
        "by age": counts.occupancy.read(0),
        "posts": counts.rates.posts,
        "erasures": counts.erasures.after(0),
    }


@pytest.mark.parametrize("kept", [1, 60, 100_000])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("few_remembered")
async def test_the_same_comes_out(
    private_store: PrivateStore, logs: Logs, monkeypatch: pytest.MonkeyPatch, seed: int, kept: int
) -> None:
    """Rooms, pages, gaps and counts are those of a process that was told each entry; and so they
    stay while all of it comes to its end."""
    monkeypatch.setattr(web.backlog, "_KEPT", kept)
    with private_store.client() as client:
        write_all_sorts(client, seed)
        now = now_ms(client)
    # Between the two a moment passes; nothing may be over in one alone.
    monkeypatch.setattr(StoreClock, "now", lambda _: now)
    followed = await read_whole(Feed(logs).partitions[0], as_it_comes=True)
    read = await read_whole(Feed(logs).partitions[0], as_it_comes=False)
    assert max(room.floor for room in read.rooms.values()).ms > 0
    for then in (now, now + 30_000, now + 700_000, now + 1_000_000):
        for each in (followed, read):
            each.forget(then)
        assert told(read, then) == told(followed, then)


async def test_of_many_rooms_fewer_are_kept_of_each(
    private_store: PrivateStore, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of all together than there is room for while they are read, and the newest of each; never
    fewer than the least."""
    monkeypatch.setattr(web.backlog, "LEAST", 100)
    monkeypatch.setattr(web.backlog, "_KEPT", 2_000)
    with private_store.client() as client:
        begin_earlier(client)
        ids = list(ids_of_late(client, 6_000))
        for number in range(0, 6_000, 1_000):  # a batch a room, and the last has less
            room = "brief" if number == 5_000 else f"room-{number // 1_000 % 4}"
            fill(client, ids[number : number + 1_000], room=room)
    partition = await read_whole(Feed(logs).partitions[0], as_it_comes=False)
    found = {name: room.messages for name, room in partition.rooms.items()}
    assert len(found) == 5
    assert sum(found.values()) <= 2_000
    assert min(found.values()) >= 100
    newest = [each.id for each in partition.rooms["brief"].newest(100, 0).held]
    assert [str(each) for each in newest] == ids[-100:]
    assert partition.rooms["brief"].floor == EntryId.parse(ids[-found["brief"] - 1])


@pytest.mark.parametrize("lost", [0, 2_600])
async def test_a_store_that_goes_away_meanwhile_is_read_anew(
    private_store: PrivateStore, logs: Logs, lost: int
) -> None:
    """What was read by then is not taken in twice, and is gone where the store came back without it."""
    with private_store.client() as client:
        begin_earlier(client)
        ids = list(ids_of_late(client, 3_500))
        fill(client, ids)
        (partition,) = Feed(logs).partitions
        await partition.step()
        assert partition._backlog is not None
        assert str(partition.position) == ids[999]
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(StoreUnavailable):
            await partition.step()
        if lost:
            client.delete(KEYS.log)
            fill(client, ids[:-lost])
    while not partition.is_ready:
        await partition.step()
    left = 3_500 - lost
    assert str(partition.position) == ids[left - 1]
    assert sum(partition.counted.occupancy.read(0).values()) == left
    assert partition.rooms["lobby"].messages == left
    await partition.close()


async def test_a_tail_that_is_moved_reads_from_there(
    private_store: PrivateStore, store: Store, logs: Logs
) -> None:
    """What it had asked for ahead is of another place."""
    with private_store.client() as client:
        fill(client, ids_of_late(client, 2_500))
    tail = Tail(store, logs.all[0].keys, StoreClock())
    first = await tail.read(None)
    tail.position = START
    assert (await tail.read(None)).entries == first.entries
    assert len((await tail.read(None)).entries) == 1_000
    assert len((await tail.read(None)).entries) == 500
    await tail.close()


async def test_nothing_is_over_before_all_has_been_read(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """A message that ends while the log is still read is let go of with its room there."""
    async with Store(private_store.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private_store.client() as client:
            begin_earlier(client)
            fill(client, ids_of_late(client, 1_500))
        (partition,) = Feed(logs).partitions
        await partition.step()
        partition.forget(_FAR)
        while not partition.is_ready:
            await partition.step()
        assert partition.rooms["lobby"].messages == 1_500
        partition.forget(_FAR)
        assert partition.rooms["lobby"].messages == 0
        assert partition.rooms["lobby"].expired_to == partition.position
        await partition.close()
