"""`messenger replay --to STORE_URL`: another messenger gets what lives, once, with the ends promised."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import redis

from consumers.view import View
from messenger.connection import Store
from messenger.copying import Copy
from messenger.entries import Entry, EntryId
from messenger.errors import BadRequest
from messenger.events import MessagePosted
from messenger.keys import Keys
from messenger.log import Log, Logs, Post
from messenger.replay import Replay
from messenger.settings import Settings
from tests.commands import Commands
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms, texts
from tests.repartitioning import ROOMS, by_room, repartitioned
from tests.replaying import ALL
from tests.serving import Messenger
from tests.waiting import wait_until

Settled = Callable[..., "asyncio.Future[Logs]"]


@pytest.fixture
def other(own_store: Callable[..., PrivateStore]) -> PrivateStore:
    return own_store()


@pytest.fixture
async def there(
    other: PrivateStore, settings: Callable[..., Settings]
) -> AsyncIterator[Callable[..., object]]:
    """Settles the other store, as given."""
    async with AsyncExitStack() as stack:

        async def settle(**given: str) -> Logs:
            store = await stack.enter_async_context(Store(other.url))
            found = Logs(store, settings(**given))
            await found.settle()
            return found

        yield settle


async def copied(logs: Logs, there: Logs) -> dict[str, int]:
    """Replays all into the other store; what became of it."""
    stop = asyncio.Event()
    copy = Copy(logs, there, stop)
    run = Replay(logs, ALL, None)
    await run.run(copy, stop)
    assert run.is_whole
    return dict(copy.outcomes)


def ends(client: redis.Redis, partition: int = 0) -> dict[str, int]:
    """Each text's expires_at."""
    entries = client.xrange(Keys(partition).log)
    return {
        fields[b"text"].decode(): int(entry_id.split(b"-")[0]) + int(fields[b"ttl"])
        for entry_id, fields in entries
        if fields[b"type"] == b"message.posted"
    }


async def test_a_new_store_gets_the_log_as_it_is(
    private_store: PrivateStore, other: PrivateStore, logs: Logs, there: Settled
) -> None:
    """Into a store without an entry messages come with their ids; again, and nothing comes twice;
    what was posted since comes then."""
    with private_store.client() as here, other.client() as client:
        fill(here, ids_of_late(here, 1_200))
        target = await there(window="1h")
        assert await copied(logs, target) == {"kept": 1_200}
        assert client.xrange(KEYS.log) == here.xrange(KEYS.log)
        fill(here, [f"{now_ms(here)}-0"])
        assert await copied(logs, target) == {"kept": 1, "seen": 1_200}
        assert client.xrange(KEYS.log) == here.xrange(KEYS.log)
        facts = await target.all[0].settle()
        assert facts.birth == EntryId(EntryId.read(client.xrange(KEYS.log)[0][0]).ms, 0)


async def test_a_log_in_use_gets_it_at_its_end(
    private_store: PrivateStore, other: PrivateStore, logs: Logs, there: Settled
) -> None:
    """Behind younger entries messages get new ids, in their order and with their ends; again, and
    nothing comes twice."""
    with private_store.client() as here, other.client() as client:
        ids = list(ids_of_late(here, 450))
        fill(here, ids)
        target = await there(window="1h")
        await target.all[0].append(Post("lobby", "me", "younger"))
        assert await copied(logs, target) == {"moved": 450}
        assert await copied(logs, target) == {"seen": 450}
        assert texts(client) == ["younger", *ids]
        found = ends(client)
        del found["younger"]
        assert found == ends(here)


async def test_nothing_lives_longer_there(
    private_store: PrivateStore, other: PrivateStore, logs: Logs, there: Settled
) -> None:
    """A life is never longer than the other window, a shorter one ends when it would have; what has
    expired does not come, and the sweeper there knows the ends."""
    with private_store.client() as here, other.client() as client:
        now = now_ms(here)
        fill(here, [f"{now - 50_000}-0"], ttl="40000", text="over")
        fill(here, [f"{now - 40_000}-0"], ttl="3600000", text="longer")
        fill(here, [f"{now - 30_000}-0"], ttl="50000", text="short")
        target = await there(window="1m")
        assert await copied(logs, target) == {"moved": 2}
        found = ends(client)
        assert found.keys() == {"longer", "short"}
        assert found["short"] == now + 20_000
        assert found["longer"] <= now_ms(client) + 60_000
        (_, short) = client.zrange(KEYS.expiring, 0, -1, withscores=True)[0]
        assert short == found["short"]


async def test_the_other_clock_judges_again(logs: Logs, there: Settled) -> None:
    """What expired between the two stores does not come."""
    copy = Copy(logs, await there(), asyncio.Event())
    over = MessagePosted("lobby", "me", "over", 1_000)
    await copy.write([Entry(EntryId(1_764_000_000_000, 0), over)])
    assert dict(copy.outcomes) == {"expired": 1}


async def test_what_was_erased_does_not_come_back(
    private_store: PrivateStore, other: PrivateStore, logs: Logs, there: Settled, log: Log
) -> None:
    """What is erased here after it was copied is erased there by the next run; what was erased there
    stays so."""
    posted = [await log.append(Post("lobby", "me", f"{n}")) for n in range(4)]
    target = await there()
    assert await copied(logs, target) == {"kept": 4}
    await log.erase("lobby", posted[1].id, "author")
    await target.settle()  # its history began with the first copy
    assert await copied(target, logs) == {"seen": 3, "erased": 1}
    await target.all[0].erase("lobby", posted[2].id, "operator")
    assert await copied(logs, target) == {"seen": 3, "gone": 1}
    assert await copied(logs, target) == {"seen": 3}
    with other.client() as client:
        assert texts(client) == ["0", "3"]
        by = [f[b"by"] for _, f in client.xrange(KEYS.log) if f[b"type"] == b"message.erased"]
        assert by == [b"operator", b"author"]
    assert await copied(target, logs) == {"seen": 2, "gone": 1}


async def test_its_own_marks_die_with_the_messages(
    private_store: PrivateStore, other: PrivateStore, logs: Logs, there: Settled
) -> None:
    """What remembers the copies has a time to live, and holds no text."""
    with private_store.client() as here, other.client() as client:
        fill(here, ["1-0"], text="never")
        entry_id = f"{now_ms(here) - 1_000}-0"
        fill(here, [entry_id], text="secret")
        await copied(logs, await there(window="1h"))
        epoch = here.hget(KEYS.meta, "epoch").decode()
        (mark,) = client.keys("*copied*")
        assert mark.decode() == KEYS.copied(epoch, entry_id)
        assert client.get(mark).decode() == entry_id
        assert client.pexpiretime(mark) == ends(here)["secret"]


async def test_rooms_find_their_partitions_and_their_view(
    private_store: PrivateStore,
    other: PrivateStore,
    logs: Logs,
    run_messenger: Callable[..., Messenger],
) -> None:
    """The other store has more partitions and a messenger that runs: each room comes where it belongs,
    its pages and streams have it, and its worker makes the view."""
    with private_store.client() as here:
        fill(here, ids_of_late(here, 10), room="r0")
        for number in range(1, 6):
            fill(here, [f"{now_ms(here)}-{number}"], room=f"r{number}")
    running = await run_messenger(on=other, partitions="4", window="1h")
    assert sum((await copied(logs, running.logs)).values()) == 15

    async def count(room: str) -> int | None:
        """None while the log is read: a copy begins the history of an empty store anew."""
        async with running.session.get(f"{running.url}/api/rooms/{room}/messages") as response:
            assert response.status in (200, 503), await response.text()
            return len((await response.json())["messages"]) if response.status == 200 else None

    async def shown() -> bool:
        pages = [await count(f"r{number}") for number in range(6)]
        views = [
            len(await View(running.logs.of(f"r{number}")).page(f"r{number}", None, 100))
            for number in range(6)
        ]
        return pages == views == [10, 1, 1, 1, 1, 1]

    await wait_until(shown, "pages and view have every room")


async def test_a_log_is_not_copied_into_itself(
    private_store: PrivateStore, logs: Logs, settings: Callable[..., Settings]
) -> None:
    """Also by another address of it."""
    async with Store(private_store.url + "?db=0") as same:
        found = Logs(same, settings())
        await found.settle()
        with pytest.raises(BadRequest, match="is the one that is read"):
            Copy(logs, found, asyncio.Event())


async def test_the_command_copies_and_goes_on(
    private_store: PrivateStore, other: PrivateStore, log: Log, there: Settled
) -> None:
    """Interrupted in the middle, the same command goes on; it says what became of how many."""
    with private_store.client() as client:
        begin_earlier(client)
        fill(client, ids_of_late(client, 1_000))
    words = ("replay", "--to", other.url)
    async with Commands(MESSENGER_STORE_URL=private_store.url) as commands:
        unused = await commands.run(*words)
        assert (unused.code, unused.out) == (3, "")
        assert "nobody has used" in unused.one_line()
        await there(window="1h")
        slow = await commands.start(*words, "--speed", "10x")
        with other.client() as client:
            await wait_until(lambda: client.xlen(KEYS.log), "some of it is copied")
            assert await slow.end(signal.SIGINT) == 130
            had = client.xlen(KEYS.log)
            assert 0 < had < 1_000
            assert "the same command goes on" in slow.errors()
            done = await commands.run(*words)
            assert done.out == f"copied: {1_000 - had:,} with their ids, {had:,} were there\n"
            assert client.xlen(KEYS.log) == 1_000
        itself = await commands.run("replay", "--to", private_store.url)
        assert itself.code == 1
        assert json.loads((await commands.run("replay", "--dry-run", "--json")).out)["entries"]


async def test_another_store_that_comes_back_is_written_on(
    private_store: PrivateStore,
    own_store: Callable[..., PrivateStore],
    logs: Logs,
    settings: Callable[..., Settings],
) -> None:
    """The other store is killed in the middle and started again: all comes, and nothing twice."""
    private = own_store(durability="always")
    with private_store.client() as here:
        ids = list(ids_of_late(here, 3_000))
        fill(here, ids)
    async with Store(private.url) as store:
        target = Logs(store, settings(window="1h"))
        await target.settle()
        task = asyncio.create_task(copied(logs, target))
        with private.client() as client:
            await wait_until(lambda: client.xlen(KEYS.log), "some of it is copied")
        private.kill()
        private.start()
        outcomes = await task
        assert sum(outcomes.values()) == 3_000
        with private.client() as client:
            assert texts(client) == ids


async def test_nothing_comes_twice_where_rooms_have_moved(
    other: PrivateStore, logs: Logs, there: Settled, settings: Callable[..., Settings]
) -> None:
    """Copied, then the other store gets more partitions: another run knows what it has copied, also
    under new ids, and erases there what was erased here since."""
    posted = [await logs.of(room).append(Post(room, "me", f"to {room}")) for room in ROOMS]
    target = await there()
    await target.all[0].append(Post("lobby", "me", "younger than all"))
    assert await copied(logs, target) == {"moved": len(ROOMS)}
    more = await repartitioned(target.store, settings(), 4)
    assert await copied(logs, more) == {"seen": len(ROOMS)}
    await logs.of(ROOMS[1]).erase(ROOMS[1], posted[1].id, "author")
    assert await copied(logs, more) == {"seen": len(ROOMS) - 1, "gone": 1}
    left = by_room(other, 4)
    assert (
        sum(fields[b"type"] == b"message.posted" for of in left.values() for _, fields in of) == 12
    )
