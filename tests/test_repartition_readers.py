"""Who reads the logs while they become more: nobody takes a part for the whole."""

import asyncio
import re
from collections.abc import Callable

import pytest

from consumers import fold as folding
from consumers.consumer import Consumer
from consumers.fold import Fold
from messenger import pages
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import Repartitioned, Repartitioning, StoreUnfit
from messenger.log import Log, Logs, Post
from messenger.replay import Replay
from messenger.settings import Settings
from tests.commands import Commands
from tests.consuming import QUICK, Handled
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.repartitioning import ROOMS, repartitioned, room_in
from tests.replaying import ALL, Kept
from tests.waiting import wait_until
from web.returning import trimmed_to

Make = Callable[..., Settings]
_MOVED = room_in(1, 2)


async def _say(logs: Logs, count: int) -> list[str]:
    """So many in each room; what was said."""
    said = [f"{room} {number}" for number in range(count) for room in ROOMS]
    for text in said:
        await logs.of(text.split()[0]).append(Post(text.split()[0], "me", text))
    return said


async def test_a_replay_does_not_leave_out_what_has_moved(
    store: Store, logs: Logs, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its middle: it ends, and says why. What it has given is all that there was up to there."""
    monkeypatch.setattr(pages, "_COUNT", 20)
    monkeypatch.setattr(pages, "_LEAST", 10)
    said = await _say(logs, 10)
    kept = Kept(waits_at=2)
    kept.go.clear()
    run = asyncio.create_task(Replay(logs, ALL, None).run(kept, asyncio.Event()))
    await wait_until(lambda: kept.is_waiting, "it is in its middle")
    await repartitioned(store, settings(), 2)
    kept.go.set()
    with pytest.raises(Repartitioned):
        await run
    texts = [each["text"] for each in kept.lines]
    assert texts == said[: len(texts)]
    assert len(texts) < len(said)


async def test_a_fold_does_not_leave_out_what_has_moved(
    store: Store, logs: Logs, log: Log, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verify would take it for missing in the log."""
    monkeypatch.setattr(folding, "COUNT", 10)
    await _say(logs, 2)
    await project_all(log)
    fold = Fold(log, asyncio.Event())
    await fold.begin()
    assert len(await fold.next()) == 10
    await repartitioned(store, settings(), 2)
    with pytest.raises(Repartitioned):
        await fold.next()


async def test_who_reads_a_page_of_the_log_asks_afterwards(
    store: Store, logs: Logs, log: Log, settings: Make
) -> None:
    """A history that memory does not reach is not told without what has moved."""
    assert await trimmed_to(log) == EntryId(0, 0)
    await repartitioned(store, settings(), 2)
    with pytest.raises(Repartitioning):
        await trimmed_to(log)


async def test_a_consumer_ends_and_the_next_goes_on(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """It says what to do; started again it is handed what it has not done, from all partitions, and
    nothing again that it has."""
    said = await _say(logs, 2)
    handled, half = Handled(), asyncio.Event()

    async def handle(delivery: object) -> None:
        await handled(delivery)  # type: ignore[arg-type]
        if len(handled.deliveries) == len(said) // 2:
            half.set()
            await asyncio.sleep(1.5)

    async def program() -> None:
        async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
            await consumer.run(handle)

    running = asyncio.create_task(program())
    await half.wait()
    await repartitioned(store, settings(), 2)
    with pytest.raises(StoreUnfit, match="2 partitions now and had 1; start the consumer again"):
        await running
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        running = asyncio.create_task(consumer.run(handled))
        await wait_until(lambda: len(handled.texts()) >= len(said), "all is handled")
        consumer.stop()
        await running
    assert sorted(handled.texts()) == sorted(said)
    for room in ROOMS:
        assert handled.texts(room) == [text for text in said if text.split()[0] == room]


async def test_tail_ends_and_says_how_it_goes_on(
    store: Store, logs: Logs, settings: Make, commands: Commands
) -> None:
    """With what follows the last that it has printed."""
    await logs.of(_MOVED).append(Post(_MOVED, "me", "before"))
    tail = await commands.start("tail", _MOVED, "--since", "window")
    assert (await tail.line()).endswith("before")
    found = await repartitioned(store, settings(), 2)
    await found.of(_MOVED).append(Post(_MOVED, "me", "after"))
    assert await tail.ended() == 1
    (line,) = tail.errors().splitlines()
    since = re.fullmatch(
        r"messenger: the store got more partitions; go on with --since (\S+)", line
    )
    assert since, line
    again = await commands.start("tail", _MOVED, "--since", since[1])
    assert (await again.line()).endswith("after")
    assert await again.end() == 0
