"""What a process has posted itself is in its feed without its tail, where nothing came between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

import web.own
from messenger.connection import Store
from messenger.entries import START, Entry, EntryId
from messenger.events import MessagePosted
from messenger.log import Appended, Fresh, Log, Logs, Post
from messenger.settings import Settings
from messenger.tail import Read
from tests.private_store import PrivateStore
from tests.raw import add_posted
from tests.settling import settled
from tests.waiting import wait_until
from web.feed import Feed
from web.live import Held, Live
from web.own import _SLIP_MS, Own
from web.partition import Partition
from web.subscriber import Subscriber

_NOW = 1_764_000_000_000


class Hearing:
    """A reader of the lobby that notes which ids it was told, a list for each hand-out."""

    def __init__(self, partition: Partition) -> None:
        self.told: list[list[EntryId]] = []
        subscriber = Subscriber(self._note, self)
        subscriber.open()
        partition.room("lobby").subscribers.add(subscriber)

    @property
    def ids(self) -> list[EntryId]:
        return [each for ids in self.told for each in ids]

    def _note(self, events: Sequence[Live]) -> bytes:
        self.told.append([event.id for event in events if isinstance(event, Held)])
        return b"."

    def write(self, data: bytes) -> None:
        pass

    def unread(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


@pytest.fixture
async def partition(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Partition]:
    """One that has read the log, and reads on only when a test says so."""
    monkeypatch.setattr(web.own, "_RECENT_MS", 60_000)
    (partition,) = Feed(logs).partitions
    while not partition.is_ready:
        await partition.step()
    yield partition
    await partition.close()


def append(partition: Partition, text: str) -> asyncio.Task[Appended]:
    return asyncio.create_task(partition.log.append(Post("lobby", "me", text), partition.hold))


def another_posts(private_store: PrivateStore) -> EntryId:
    with private_store.client() as client:
        return EntryId.parse(add_posted(client, "*", "another's"))


async def test_a_post_needs_no_tail(partition: Partition) -> None:
    """A post is answered, its message on the page and told, though the tail has brought nothing yet;
    what the tail brings then is told to nobody again."""
    await append(partition, "first")
    await partition.step()
    hearing = Hearing(partition)
    ids = [(await append(partition, text)).id for text in ("second", "third")]
    assert partition.position == ids[-1]
    assert hearing.ids == ids
    assert [held.id for held in partition.room("lobby").newest(2, 0).held] == ids
    await partition.step()
    assert hearing.ids == ids
    assert partition.position == ids[-1]


async def test_posts_of_one_turn_are_told_together(partition: Partition) -> None:
    """A crowd that posts at once costs each reader one write, and not one for each post."""
    await append(partition, "first")
    await partition.step()
    hearing = Hearing(partition)
    appended = await asyncio.gather(*(append(partition, str(n)) for n in range(20)))
    assert hearing.ids == [each.id for each in appended]
    assert len(hearing.told) < 10


async def test_what_came_between_is_waited_for(
    partition: Partition, private_store: PrivateStore
) -> None:
    """Another process has posted before ours: our post waits until the tail has brought both."""
    await append(partition, "first")
    await partition.step()
    hearing = Hearing(partition)
    others = another_posts(private_store)
    posting = append(partition, "ours")
    following = append(partition, "and one more")
    await asyncio.wait([posting, following], timeout=0.1)
    assert not posting.done()
    assert hearing.ids == []
    await partition.step()
    ours = [(await each).id for each in (posting, following)]
    assert hearing.ids == [others, *ours]


async def test_a_tail_that_wakes_between_tells_each_once(
    partition: Partition, private_store: PrivateStore
) -> None:
    """The tail reads at the same time as posts go in, ours and others': each is told once, in order."""
    await append(partition, "first")
    await partition.step()
    hearing, stop = Hearing(partition), asyncio.Event()
    following = asyncio.create_task(partition.run(stop))
    for number in range(100):
        posting = [append(partition, f"{number}-{n}") for n in range(3)]
        if number % 3 == 0:
            another_posts(private_store)
        await asyncio.gather(*posting)
    stored = [entry.id for entry in await partition.log.range(START)]
    await wait_until(lambda: len(hearing.ids) >= len(stored) - 1, "the last is told, too")
    assert hearing.ids == stored[1:]
    stop.set()
    await following


async def test_a_tail_that_brings_what_waits_to_be_told_tells_it_once(partition: Partition) -> None:
    """In the same turn of the loop our post is answered, and the tail reads it, with another's after."""
    await append(partition, "first")
    await partition.step()
    hearing, now = Hearing(partition), partition.clock.now() + 1
    event = MessagePosted("lobby", "me", "text", 60_000)
    ours, others = (Entry(EntryId(now, number), event) for number in range(2))
    future = asyncio.get_running_loop().create_future()
    partition.hold(Fresh(ours, partition.position, now), future, "told")
    partition._tail.position = others.id
    facts = (partition.epoch, START, START, partition.window, now)
    partition._take(Read([ours, others], *facts))
    assert await future == "told"
    assert hearing.ids == [ours.id, others.id]
    assert partition.position == others.id


async def test_nothing_is_taken_while_the_log_is_in_doubt(partition: Partition) -> None:
    """From the moment the tail has lost its store, posts wait for what it finds there."""
    await append(partition, "first")
    await partition.step()
    partition._own.doubt()
    posting = append(partition, "second")
    await asyncio.wait([posting], timeout=0.1)
    assert not posting.done()
    await partition.step()
    assert (await posting).id == partition.position


@pytest.mark.parametrize(
    ("why", "before", "now", "ms"),
    [
        ("something came between", EntryId(_NOW - 10, 1), _NOW, _NOW),
        (
            "the log was read too long ago: what came and went would not be known",
            None,
            _NOW + 500,
            0,
        ),
        ("the clock went back", None, _NOW - 1, 0),
        ("the clock had been ahead", None, _NOW, _NOW + 3_600_000),
        ("the clock was a little ahead", None, _NOW, _NOW + _SLIP_MS + 1),
    ],
)
async def test_what_may_have_had_something_before_it_is_left_to_the_tail(
    why: str, before: EntryId | None, now: int, ms: int
) -> None:
    """Only an entry that surely follows is taken; a message that came and went must not be missed
    silently."""
    own, future = Own(lambda _: None), asyncio.get_running_loop().create_future()
    position = EntryId(_NOW - 10, 0)
    own.read(position, _NOW)
    event = MessagePosted("lobby", "me", "text", 60_000)
    fresh = Fresh(Entry(EntryId(ms or now, 0), event), before or position, now)
    assert not own.takes(fresh, future, None), why
    follows = Fresh(Entry(EntryId(_NOW, 0), event), position, _NOW)
    assert own.takes(follows, future, None)
    own.flush()
    assert future.done()


async def test_an_entry_may_be_a_millisecond_after_its_script() -> None:
    """Redis 7.0 takes the time anew for the entry: that is no reason to wait for the tail."""
    own, future = Own(lambda _: None), asyncio.get_running_loop().create_future()
    own.read(EntryId(_NOW - 10, 0), _NOW)
    event = MessagePosted("lobby", "me", "text", 60_000)
    fresh = Fresh(Entry(EntryId(_NOW + 1, 0), event), EntryId(_NOW - 10, 0), _NOW)
    assert own.takes(fresh, future, None)
    own.flush()
    assert future.done()


async def test_the_store_tells_what_was_before(
    store: Store, settings: Callable[..., Settings], private_store: PrivateStore
) -> None:
    """An append tells the id of the entry that was the last, and 0-0 where there was none."""
    logs = await settled(store, settings())
    told: list[EntryId] = []

    def note(fresh: Fresh, future: asyncio.Future[Appended], result: Appended) -> None:
        told.append(fresh.before)
        future.set_result(result)

    log: Log = logs.all[0]
    # The first one hands the script to the store, and is told of at once.
    await log.append(Post("lobby", "me", "first"), note)
    with private_store.client() as client:
        client.xtrim(log.keys.log, maxlen=0, approximate=False)
    second = await log.append(Post("lobby", "me", "second"), note)
    third = another_posts(private_store)
    await log.append(Post("lobby", "me", "fourth"), note)
    assert told == [EntryId(0, 0), third]
    assert second.id < third
