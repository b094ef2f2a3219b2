"""Promise 5 across a store that was away: it may have lost its end, and much may be over."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import web.partition
from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger, serving
from tests.settling import settled
from tests.streams import Stream
from tests.waiting import wait_until
from web.feed import Feed


class Parted:
    """A messenger that sees its store through a proxy, and another way to the store."""

    def __init__(
        self, messenger: Messenger, proxy: Proxy, private: PrivateStore, logs: Logs
    ) -> None:
        self.messenger = messenger
        self.proxy = proxy
        self.private = private
        self.logs = logs

    def erase_end(self, size: int) -> None:
        """The power goes, and with it all that came after the file had that size."""
        self.private.kill()
        os.truncate(self.file(), size)
        self.private.start()

    def file(self) -> Path:
        (found,) = (self.private.folder / "appendonlydir").glob("*.incr.aof")
        return found

    def size(self) -> int:
        return self.file().stat().st_size


@pytest.fixture
async def part(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> AsyncIterator[Callable[..., object]]:
    async with AsyncExitStack() as stack:

        async def make(window: str = "15m") -> Parted:
            private = own_store(durability="always")
            proxy = await stack.enter_async_context(Proxy(private.socket))
            given = settings(window=window)
            store = await stack.enter_async_context(Store(private.url))
            running = serving(proxy.url, given, with_worker=False)
            messenger = await stack.enter_async_context(running)
            return Parted(messenger, proxy, private, await settled(store, given))

        yield make


async def until_gap(stream: Stream) -> dict[str, str]:
    found: dict[str, str] = (await stream.until("gap")).data
    return found


async def test_a_lost_end_is_a_reset(part: Callable[..., object]) -> None:
    """The store came back without its last messages: they leave the page, and readers, there or away,
    are told to begin anew."""
    parted = await part()  # type: ignore[misc]
    messenger = parted.messenger
    await messenger.post("kept")
    size = parted.size()
    lost = await messenger.post("lost")
    async with messenger.stream(last_id=lost["id"]) as stream:
        await stream.next()
        parted.erase_end(size)
        assert (await until_gap(stream))["reason"] == "reset"
        assert [message["text"] for message in await stream.messages(1)] == ["kept"]
    assert await messenger.texts() == ["kept"]
    async with messenger.stream(last_id=lost["id"]) as stream:
        assert (await until_gap(stream))["reason"] == "reset"


async def test_a_lost_end_is_seen_behind_what_came_since(part: Callable[..., object]) -> None:
    """Others have posted before our tail was back: the ids have gone on, and the loss is still seen."""
    parted = await part()  # type: ignore[misc]
    messenger = parted.messenger
    await messenger.post("kept")
    size = parted.size()
    lost = await messenger.post("lost")
    async with messenger.stream(last_id=lost["id"]) as stream:
        await stream.next()
        parted.proxy.refuse()
        parted.erase_end(size)
        with parted.private.client() as client:
            add_posted(client, "*", "since")
        parted.proxy.heal()
        assert (await until_gap(stream))["reason"] == "reset"
        assert [message["text"] for message in await stream.messages(2)] == ["kept", "since"]
    assert await messenger.texts() == ["kept", "since"]


async def test_what_ends_soon_is_shown_to_its_end(
    part: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that ends soon after the store is back may be gone from it, and is no sign of a loss;
    while it lives it stays on the page, and who begins to read is given it."""
    monkeypatch.setattr(web.partition, "_SOON_MS", 60_000)
    parted = await part()  # type: ignore[misc]
    messenger = parted.messenger
    await messenger.post("long")
    short = await messenger.post("short", ttl=30_000)
    async with messenger.stream(last_id=short["id"]) as stream:
        await stream.next()
        parted.proxy.refuse()
        with parted.private.client() as client:
            client.xdel(KEYS.log, short["id"])
        parted.proxy.heal()
        await messenger.post("since")
        assert [message["text"] for message in await stream.messages(1)] == ["since"]
    assert await messenger.texts() == ["long", "short", "since"]


async def test_an_erasure_meanwhile_is_no_loss(part: Callable[..., object]) -> None:
    """The newest message was erased by another process while ours was cut off: readers are told that,
    and of no gap."""
    parted = await part()  # type: ignore[misc]
    messenger = parted.messenger
    posted = await messenger.post("oops")
    async with messenger.stream(last_id=posted["id"]) as stream:
        await stream.next()
        parted.proxy.refuse()
        await parted.logs.of("lobby").erase("lobby", EntryId.parse(posted["id"]), "author")
        parted.proxy.heal()
        event = await stream.next()
    assert (event.name, event.data["message"]) == ("erased", posted["id"])


async def test_a_store_that_was_only_away_makes_no_gap(part: Callable[..., object]) -> None:
    """Nothing was lost, nothing was over: the next event is the next message."""
    parted = await part()  # type: ignore[misc]
    posted = await parted.messenger.post("before")
    async with parted.messenger.stream(last_id=posted["id"]) as stream:
        await stream.next()
        parted.private.kill()
        parted.private.start()
        await parted.messenger.post("after")
        event = await stream.next()
    assert (event.name, event.data["text"]) == ("message", "after")


@pytest.mark.parametrize("is_swept", [True, False])
async def test_what_came_and_went_while_the_tail_was_away_is_a_gap(
    part: Callable[..., object], is_swept: bool
) -> None:
    """A short life began and ended while our process was cut off: those who listen are told, and so is
    who comes back later."""
    parted = await part()  # type: ignore[misc]
    messenger = parted.messenger
    first = await messenger.post("first")
    async with messenger.stream(last_id=first["id"]) as stream:
        await stream.next()
        parted.proxy.refuse()
        with parted.private.client() as client:
            brief = add_posted(client, "*", "brief", ttl=1)
            client.zadd(KEYS.expiring, {brief: int(brief.partition("-")[0]) + 1})
            await wait_until(
                lambda: now_ms(client) > int(brief.partition("-")[0]) + 1, "it is over"
            )
            if is_swept:
                await Sweeper(parted.logs).step()
        parted.proxy.heal()
        gap = await until_gap(stream)
    assert gap == {"reason": "expired", "after": first["id"], "until": brief}
    async with messenger.stream(last_id=first["id"]) as stream:
        assert await until_gap(stream) == gap


async def test_a_tail_that_was_away_for_longer_than_the_window_says_so(
    part: Callable[..., object],
) -> None:
    """Whole lives of messages have passed while our process was cut off."""
    parted = await part(window="1s")  # type: ignore[misc]
    messenger = parted.messenger
    first = await messenger.post("first")
    async with messenger.stream(last_id=first["id"]) as stream:
        await stream.next()
        parted.proxy.refuse()
        with parted.private.client() as client:
            missed = add_posted(client, "*", "missed", ttl=1_000)
            end = int(missed.partition("-")[0]) + 1_000
            await wait_until(lambda: now_ms(client) > end, "the window is over")
            await Sweeper(parted.logs).step()
            assert client.xlen(KEYS.log) == 0
        parted.proxy.heal()
        gap = await until_gap(stream)
    assert (gap["reason"], gap["until"]) == ("expired", missed)


async def test_a_reader_that_is_ahead_of_a_tail_that_is_behind_waits(logs: Logs, log: Log) -> None:
    """It comes from another web process that has read further, be it that our tail is away or only
    slow: it is sent on, and not told of a reset."""
    (partition,) = Feed(logs).partitions
    await log.append(Post("lobby", "me", "first"))
    await partition.step()
    ahead = await log.append(Post("lobby", "me", "second"))
    reaching = asyncio.create_task(partition.reach(ahead.id))

    async def is_refused() -> bool:
        partition.tidy()
        return reaching.done()

    await wait_until(is_refused, "the reader is not held for ever")
    with pytest.raises(StoreUnavailable):
        await reaching
    await partition.step()
    await partition.reach(ahead.id)
    await partition.close()


async def test_a_gap_reaches_to_what_is_over_by_now(logs: Logs, log: Log) -> None:
    """One message was over before, the next one just as its reader comes back: the gap has both."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    first = await log.append(Post("lobby", "me", "first"))
    with_life = [Post("lobby", "me", "over", ttl=1_000), Post("lobby", "me", "almost", ttl=1_300)]
    over, almost = [await log.append(post) for post in with_life]
    await partition.step()
    await wait_until(lambda: feed.clock.now() > over.id.ms + 1_000, "the first is over")
    partition.forget(feed.clock.now())
    await wait_until(lambda: feed.clock.now() > almost.id.ms + 1_300, "so is the second")
    missed = await feed.missed("lobby", first.id)
    assert missed.events == []
    assert missed.gap is not None
    assert missed.gap.until == almost.id
    await partition.close()


async def test_what_was_over_stays_over_when_the_clock_is_set_back(logs: Logs, log: Log) -> None:
    """The store's clock goes an hour forward, and the log is read; then back: what had ended by then is
    shown no more."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    before = await log.append(Post("lobby", "me", "before"))
    await partition.step()
    assert feed.get("lobby", before.id)
    now = feed.clock.now()
    feed.clock.look(now + 3_600_000)
    await log.append(Post("lobby", "me", "meanwhile"))
    await partition.step()
    for _ in range(16):
        feed.clock.look(now)
    assert feed.clock.now() < now + 60_000
    assert feed.get("lobby", before.id) is None
    await partition.close()
