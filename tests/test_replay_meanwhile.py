"""Replay while time goes on: what expires, is erased, stops or goes away in the middle of it."""

import asyncio
from collections.abc import Callable

import pytest

from messenger import replay
from messenger.connection import Store
from messenger.entries import START, EntryId
from messenger.errors import LogReset, StoreUnavailable
from messenger.log import Log, Logs, Post
from messenger.replay import Replay
from messenger.settings import Settings
from messenger.span import Span
from tests.past import fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import now_ms
from tests.replaying import ALL, Kept, replayed
from tests.waiting import wait_until


async def test_the_pace_is_that_of_the_log(private_store: PrivateStore, logs: Logs) -> None:
    """At twice the pace each entry comes after half of its own gap to the first: nothing adds up."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        gaps = [0, 0, 100, 300, 310, 600]
        fill(client, (f"{begin + gap}-{seq}" for seq, gap in enumerate(gaps)))
    kept = await replayed(logs, speed=2.0)
    late = [when - kept.times[0] - gap / 2_000 for when, gap in zip(kept.times, gaps, strict=True)]
    assert all(-0.002 < each < 0.15 for each in late), late


async def test_a_slow_replay_shows_nothing_that_has_expired_meanwhile(
    private_store: PrivateStore, logs: Logs
) -> None:
    """In the middle of a replay at the original pace a message's time ends: it is not given, although
    it lived when the replay began."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        fill(client, [f"{begin}-0"])
        fill(client, [f"{begin + 400}-0"], ttl="59900")
        fill(client, [f"{begin + 500}-0"])
    kept = await replayed(logs, speed=1.0)
    assert kept.texts == [f"{begin}-0", f"{begin + 500}-0"]


async def test_a_slow_replay_shows_nothing_that_was_erased_meanwhile(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A message is erased while the replay waits for its time: its text is not given."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        fill(client, [f"{begin}-0", f"{begin + 800}-0", f"{begin + 900}-0"])
    kept = Kept()
    run = Replay(logs, Span(START, EntryId(begin + 2_000, 0), None), 1.0)
    task = asyncio.create_task(run.run(kept, asyncio.Event()))
    await wait_until(lambda: kept.lines, "the first is given")
    await log.erase("lobby", EntryId(begin + 800, 0), "author")
    await task
    assert kept.texts == [f"{begin}-0", f"{begin + 900}-0"]


@pytest.mark.parametrize("waits_at", [1, 2])
async def test_a_reader_that_pauses_is_shown_only_what_lives_then(
    private_store: PrivateStore, logs: Logs, log: Log, waits_at: int
) -> None:
    """The sink waits, with the rest of the page and the next one already read: what is erased or
    expires meanwhile is not given."""
    with private_store.client() as client:
        ids = list(ids_of_late(client, 1_600))
        fill(client, ids)
        soon = f"{now_ms(client)}-0"
        fill(client, [soon], ttl="1000")
    kept = Kept(waits_at)
    kept.go.clear()
    task = asyncio.create_task(Replay(logs, ALL, None).run(kept, asyncio.Event()))
    await wait_until(lambda: kept.is_waiting, "the sink has a piece")
    for entry_id in ids[1_000:1_500:300]:
        await log.erase("lobby", EntryId.parse(entry_id), "author")

    def is_over() -> bool:
        with private_store.client() as client:
            return now_ms(client) > int(soon.split("-")[0]) + 1_000

    await wait_until(is_over, "the last has expired")
    kept.go.set()
    await task
    erased = {line["erased"] for line in kept.lines if "erased" in line}
    texts = [line["text"] for line in kept.lines if "text" in line]
    assert erased == set(ids[1_000:1_500:300])
    assert texts == [each for each in ids if each not in erased]


async def test_a_stop_ends_a_wait_at_once(private_store: PrivateStore, logs: Logs) -> None:
    """A replay that waits a minute for its next entry ends at the stop, and tells where it is."""
    with private_store.client() as client:
        begin = now_ms(client) - 120_000
        fill(client, [f"{begin}-0", f"{begin + 60_000}-0"])
    kept, stop = Kept(), asyncio.Event()
    run = Replay(logs, ALL, 1.0)
    task = asyncio.create_task(run.run(kept, stop))
    await wait_until(lambda: kept.lines, "the first is given")
    stop.set()
    async with asyncio.timeout(1):
        await task
    assert (run.is_whole, run.position) == (False, EntryId(begin, 0))


async def test_a_store_that_comes_back_is_read_on(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The store is killed in the middle and started again: it goes on, without a hole or a double."""
    private = own_store(durability="always")
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            ids = list(ids_of_late(client, 3_500))
            fill(client, ids)
        kept = Kept()
        kept.go.clear()
        task = asyncio.create_task(Replay(logs, ALL, None).run(kept, asyncio.Event()))
        await wait_until(lambda: kept.is_waiting, "it is in the middle")
        private.kill()
        kept.go.set()
        await asyncio.sleep(0)
        private.start()
        await task
        assert kept.texts == ids


async def test_a_store_that_stays_away_is_given_up(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that does not come back ends it with the reason; its position is where it came to."""
    monkeypatch.setattr(replay, "PATIENCE_S", 0.3)
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            fill(client, ids_of_late(client, 3_500))
        kept = Kept()
        kept.go.clear()
        run = Replay(logs, ALL, None)
        task = asyncio.create_task(run.run(kept, asyncio.Event()))
        await wait_until(lambda: kept.is_waiting, "it is in the middle")
        private.kill()
        kept.go.set()
        with pytest.raises(StoreUnavailable):
            await task
        assert str(run.position) == kept.lines[-1]["id"]


async def test_a_log_that_begins_anew_is_not_taken_for_the_rest(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """The store is flushed and used again in the middle: that is said, and nothing of the new history
    is given as if it belonged to the old one."""
    with private_store.client() as client:
        fill(client, ids_of_late(client, 3_500))
        kept = Kept()
        kept.go.clear()
        task = asyncio.create_task(Replay(logs, ALL, None).run(kept, asyncio.Event()))
        await wait_until(lambda: kept.is_waiting, "it is in the middle")
        client.flushall()
        await log.append(Post("lobby", "me", "new"))
        kept.go.set()
        with pytest.raises(LogReset):
            await task
    assert "new" not in kept.texts
