"""More partitions: no message is lost, doubled, or comes back; what is known of it comes along."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.repartition import Repartition
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import (
    BadField,
    Gone,
    Repartitioning,
)
from messenger.keys import Keys, partition_of
from messenger.log import Log, Logs, Post
from messenger.partitions import standing
from messenger.settings import Settings
from tests.damages import verified
from tests.past import begin_earlier
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, counts, holders, now_ms
from tests.repartitioning import (
    ROOMS,
    by_room,
    in_force,
    repartitioned,
    talk,
)
from tests.waiting import wait_until

Make = Callable[..., Settings]


async def test_every_message_is_in_its_new_partition_once(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """With its id and all its fields, in its room's order; entries that we do not know as well, and what
    is in no room stays. The view is the log, and the counts are what they were."""
    with private_store.client() as client:
        begin_earlier(client)
        ids = await talk(logs)
        client.xadd(KEYS.log, {"type": "message.liked", "room": ROOMS[0], "by": "x"})
        before, total = by_room(private_store, 1), counts(client)
        client.xadd(KEYS.log, {"type": "weather", "wind": "west"})
        await project_all(logs.all[0])
        found = await repartitioned(store, settings(), 4)
        assert len(found.all) == await standing(store) == 4
        (weather,) = [each for each in client.xrange(KEYS.log) if each[1][b"type"] == b"weather"]
        client.xdel(KEYS.log, weather[0])
        assert by_room(private_store, 4) == before
        assert counts(client) == total
        assert await verified(found) == []
        for room in ROOMS:
            rows = await View(found.of(room)).page(room, None, 100)
            assert [row.id for row in rows] == [str(each) for each in ids[room]]
        rooms = [row.room for log in found.all for row in await View(log).rooms(now_ms(client))]
        assert sorted(rooms) == sorted(ROOMS)


async def test_what_nobody_has_applied_is_counted_once(
    private_store: PrivateStore, store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """Where no worker runs, or one holds entries: those that move are counted where they go, and are not
    taken off the counts of where they never were counted; the others are applied as ever."""
    with private_store.client() as client:
        begin_earlier(client)
        await talk(logs, 1)
        waiting = [await log.append(Post(room, "me", "waits")) for room in ROOMS]
        client.xreadgroup("projector", "slow", {KEYS.log: ">"}, count=6)
        found = await repartitioned(store, settings(), 4)
        held = client.xpending(KEYS.log, "projector")["pending"]
        assert held == sum(not partition_of(room, 4) for room in ROOMS[:6])
        stay = [
            each.id for each, room in zip(waiting, ROOMS, strict=True) if not partition_of(room, 4)
        ]
        entries = [entry for each in stay if (entry := await found.all[0].entry(each))]
        await project_all(found.all[0])
        await View(found.all[0]).apply(entries)
        assert await verified(found) == []
        assert counts(client)["posted"] == 2 * len(ROOMS)


async def test_a_new_log_goes_on_after_the_old_one_s_last_id(
    private_store: PrivateStore, store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """No id is given twice to a room, and no cursor is ahead of the log that it goes on in."""
    await talk(logs, 1)
    last = (await log.append(Post("lobby", "me", "the last"))).id
    await repartitioned(store, settings(), 4)
    with private_store.client() as client:
        for partition in range(4):
            told = client.xinfo_stream(Keys(partition).log)["last-generated-id"]
            assert EntryId.read(told) == last


async def test_it_may_be_done_again(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """From one to two to six, with posts between; each number at once in force."""
    with private_store.client() as client:
        begin_earlier(client)
        before = await talk(logs)
        two = await repartitioned(store, settings(), 2)
        later = (await two.of(ROOMS[1]).append(Post(ROOMS[1], "me", "between"))).id
        for log in two.all:
            await project_all(log)
        six = await repartitioned(store, settings(), 6)
        before[ROOMS[1]].append(later)
        found = by_room(private_store, 6)
        assert {
            room: [EntryId.read(each) for each, _ in of] for room, of in found.items()
        } == before
        assert await verified(six) == []


async def test_a_key_is_known_where_its_room_has_gone(
    store: Store, logs: Logs, settings: Make
) -> None:
    """The same Idempotency-Key gives the same message, also after two repartitions, and of one that was
    erased; with another text it is refused. Where its message was cut early it is free."""
    ids = await talk(logs, 2)
    gone = await logs.of("gone").append(Post("gone", "me", "oops", key="k"))
    await logs.of("gone").erase("gone", gone.id, "author")
    await repartitioned(store, settings(), 2)
    found = await repartitioned(store, settings(), 4)
    for room in ROOMS:
        for number in range(2):
            again = await found.of(room).append(
                Post(room, "me", f"{room} {number}", key=f"{number}")
            )
            assert (again.id, again.is_new) == (ids[room][number], False)
        with pytest.raises(BadField) as refusal:
            await found.of(room).append(Post(room, "me", "another", key="0"))
        assert refusal.value.code == "key-reused"
    again = await found.of("gone").append(Post("gone", "me", "oops", key="k"))
    assert (again.id, again.is_new) == (gone.id, False)
    moved = next(room for room in ROOMS if partition_of(room, 4))
    log = found.of(moved)
    await log.store.pipe.call("HSET", log.keys.meta, "trimmed_to", str(ids[moved][0]))
    assert (await log.append(Post(moved, "me", f"{moved} 0", key="0"))).is_new


async def test_what_is_over_stays_over(
    private_store: PrivateStore, store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """Erased before, erased in the middle, or expired: in no new log, in no view, and in no key; who
    asks is told which. Erase tokens go on being good, and what was made brief ends in its time."""
    with private_store.client() as client:
        begin_earlier(client)
        await talk(logs, 2)
        early = [await log.append(Post(room, "me", "secret-early")) for room in ROOMS]
        late = [await log.append(Post(room, "me", "secret-late")) for room in ROOMS]
        brief = [await log.append(Post(room, "me", "secret-brief", ttl=1_000)) for room in ROOMS]
        token = log.erase_token(early[0].id)
        await project_all(log)
        for room, posted in zip(ROOMS, early, strict=True):
            await log.erase(room, posted.id, "author")
        await project_all(log)

        class Slow(Repartition):
            async def _switch(self) -> None:
                for room, posted in zip(ROOMS, late, strict=True):
                    await log.erase(room, posted.id, "author")
                await project_all(log)
                await super()._switch()

        assert await Slow(logs, settings(), 3, asyncio.Event()).run()
        found = await in_force(store, settings())

        async def is_swept() -> bool:
            await Sweeper(found).step()
            return not holders(client, "secret-")

        await wait_until(is_swept, "nothing is left of what is over")
        for code, those in (("message-erased", early + late), ("message-expired", brief)):
            for room, posted in zip(ROOMS * 2, those, strict=False):
                with pytest.raises(Gone) as gone:
                    await View(found.of(room)).message(room, posted.id)
                assert gone.value.code == code
        assert await verified(found) == []
        assert found.of(ROOMS[0]).erase_token(early[0].id) == token


async def test_a_message_is_erased_afterwards(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """Where it is now, and nothing of it is left where it was."""
    with private_store.client() as client:
        posted = {room: await logs.of(room).append(Post(room, "me", "a-secret")) for room in ROOMS}
        for log in logs.all:
            await project_all(log)
        found = await repartitioned(store, settings(), 4)
        for room, each in posted.items():
            await found.of(room).erase(room, each.id, "author")
        assert holders(client, "a-secret") == []


async def test_groups_go_on_where_they_were(
    private_store: PrivateStore, store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """A group of others is handed nothing again that it has done, all that it has not, and its consumers
    hold what they held, with their attempts; its dead letters come along."""
    with private_store.client() as client:
        ids = [
            (await log.append(Post(ROOMS[number % 12], "me", f"{number}"))).id
            for number in range(24)
        ]
        client.xgroup_create(KEYS.log, "mine", "0")
        client.xreadgroup("mine", "one", {KEYS.log: ">"}, count=12)
        client.xack(KEYS.log, "mine", *map(str, ids[:6]))
        await log.store.pipe.run(_bury(), _bury_keys("mine"), ["mine", str(ids[6]), "broken", 5])
        client.set(KEYS.done("mine", str(ids[7])), 1, px=60_000)
        found = await repartitioned(store, settings(), 4)
        pending, unread, letters = set(), set(), set()
        for each in found.all:
            keys = each.keys
            pending |= {
                (held["message_id"], held["consumer"], held["times_delivered"])
                for held in client.xpending_range(keys.log, "mine", "-", "+", 100)
            }
            given = client.xreadgroup("mine", "two", {keys.log: ">"}, count=100) or {}
            unread |= {entry[0] for entries in given.values() for entry in entries}
            letters |= {fields[b"entry"] for _, fields in client.xrange(keys.dead("mine"))}
            assert client.zcard(keys.letters) == client.xlen(keys.dead("mine"))
        raw = [str(each).encode() for each in ids]
        assert pending == {(each, b"one", 1) for each in raw[7:12]}
        assert unread == set(raw[12:])
        assert letters == {raw[6]}
        of = found.of(ROOMS[7])
        assert client.exists(of.keys.done("mine", str(ids[7])))


def _bury() -> object:
    from consumers.dead import _BURY

    return _BURY


def _bury_keys(group: str) -> list[str]:
    return [KEYS.log, KEYS.meta, KEYS.letters, KEYS.dead(group)]


async def test_nothing_comes_in_behind_the_fence(
    private_store: PrivateStore, store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """While it is up, and from who knows another number, a post, an erasure and a page of the view are
    refused and nothing is done; a key that was seen is still known."""
    posted = await log.append(Post("lobby", "me", "hello", key="k"))
    with private_store.client() as client:
        client.hset(KEYS.meta, "fence", now_ms(client) + 60_000)
        with pytest.raises(Repartitioning):
            await log.append(Post("lobby", "me", "more"))
        with pytest.raises(Repartitioning):
            await log.erase("lobby", posted.id, "author")
        assert (await log.append(Post("lobby", "me", "hello", key="k"))).id == posted.id
        client.hset(KEYS.meta, "fence", now_ms(client) - 1)
        assert (await log.append(Post("lobby", "me", "more"))).is_new
        client.hset(KEYS.meta, "partitions", 2)
        for refused in (
            log.append(Post("lobby", "me", "even more")),
            log.erase("lobby", posted.id, "author"),
            View(log).page("lobby", None, 10),
            View(log).message("lobby", posted.id),
        ):
            with pytest.raises(Repartitioning):
                await refused
        assert client.xlen(KEYS.log) == 2
