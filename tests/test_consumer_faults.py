"""What breaks under a consumer: itself, its group, the log, the store. Nothing is missed silently."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from consumers.consumer import Consumer
from messenger.connection import Store
from messenger.errors import StoreFull, StoreUnfit
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands
from tests.consuming import QUICK, Handled, Reports, counted, drain, pending, say
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.waiting import wait_until

_PROGRAM = ("-m", "tests.consumer_program")


async def test_what_a_killed_consumer_held_goes_to_another(
    private_store: PrivateStore, log: Log, own_commands: Commands
) -> None:
    """kill -9 in the middle: what it had not acked is taken over when it was silent for long enough, and
    every event is handled."""
    await say(log, "a", "b", room="quick")
    await say(log, "hang", *(f"{number}" for number in range(30)))
    program = await own_commands.start_python(*_PROGRAM, private_store.url, "mailer")
    handled_there = set()
    while handled_there != {"a", "b"}:
        word, text = (await program.line()).split()
        handled_there |= {text} if word == "handled" else set()
    await program.end(signal.SIGKILL)
    handled = Handled()
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        running = asyncio.create_task(consumer.run(handled))
        await wait_until(lambda: len(handled.deliveries) == 31, "all that was left was handled")
        consumer.stop()
        await running
    assert handled.texts() == ["hang", *(f"{number}" for number in range(30))]
    with private_store.client() as client:
        assert pending(client, "mailer") == 0
        assert counted(client, "mailer", "redelivered") >= 1


async def test_a_consumer_with_a_name_finds_its_own_at_once(
    private_store: PrivateStore, log: Log, own_commands: Commands
) -> None:
    """Started again under its name, it goes on with what it held, and waits for no idle time."""
    await say(log, "hang", "next")
    program = await own_commands.start_python(*_PROGRAM, private_store.url, "mailer", "mailer-1")
    assert await program.line() == "begun hang"
    await program.end(signal.SIGKILL)
    handled = Handled()
    async with Consumer(private_store.url, "mailer", name="mailer-1") as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["hang", "next"]
    assert [each.attempt for each in handled.deliveries] == [2, 2]


async def test_an_event_that_ends_its_consumer_is_buried(
    private_store: PrivateStore, log: Log, own_commands: Commands
) -> None:
    """One that takes the process along each time is given up after the attempts; what was handled
    beside it is not, for in the end it is tried alone."""
    await say(log, "die")
    await say(log, "innocent", room="other")
    for _ in range(QUICK.attempts):
        program = await own_commands.start_python(
            *_PROGRAM, private_store.url, "mailer", "mailer-1"
        )
        await program.ended()
    handled = Handled()
    async with Consumer(private_store.url, "mailer", name="mailer-1", retries=QUICK) as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["innocent"]
    with private_store.client() as client:
        ((_, letter),) = client.xrange(KEYS.dead("mailer"))
        assert letter[b"text"] == b"die"
        assert letter[b"error"] == b"begun with 3 times and never ended"


@pytest.mark.parametrize("how", ["destroyed", "deleted", "flushed"])
async def test_a_group_that_is_lost_is_made_again(
    private_store: PrivateStore, logs: Logs, log: Log, how: str
) -> None:
    """The group was destroyed, the log deleted, the store flushed under a consumer: it finds back by
    itself, misses nothing that came after, and says if the log began anew."""
    handled, reports = Handled(), Reports()
    async with Consumer(private_store.url, "mailer", since="now", report=reports) as consumer:
        running = asyncio.create_task(consumer.run(handled))
        await say(log, "before")
        await wait_until(lambda: handled.texts() == ["before"], "it follows")
        with private_store.client() as client:
            await wait_until(
                lambda: client.hget(KEYS.group("mailer"), "oldest") == b"", "its place is noted"
            )
            if how == "destroyed":
                client.xgroup_destroy(KEYS.log, "mailer")
            elif how == "deleted":
                client.delete(KEYS.log)
            else:
                client.flushall()
        await say(log, "after")
        await wait_until(lambda: "after" in handled.texts(), "it goes on")
        await say(log, "more")
        await wait_until(lambda: "more" in handled.texts(), "it follows again")
        consumer.stop()
        await running
    assert set(handled.texts()) == {"before", "after", "more"}
    assert reports.resets() == (0 if how == "destroyed" else 1)


async def test_a_group_that_is_destroyed_comes_back_where_it_was(
    private_store: PrivateStore, log: Log
) -> None:
    """What was not acked when the group was destroyed is handed out again; what was long done is not."""
    first, second = Handled(), Handled()
    await say(log, *(f"{number}" for number in range(5)))
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, first)
    with private_store.client() as client:
        await say(log, "held")
        client.xreadgroup("mailer", "somebody", {KEYS.log: ">"})
        client.xgroup_destroy(KEYS.log, "mailer")
    async with Consumer(private_store.url, "mailer", since="now") as consumer:
        await drain(consumer, second)
    assert second.texts() == ["held"]


async def test_what_was_in_hand_when_the_group_was_destroyed_comes_again(
    private_store: PrivateStore, log: Log
) -> None:
    """What one consumer still holds is not taken for done because others after it are."""
    first, second = Handled(), Handled()
    (held,) = await say(log, "held", room="a")
    await say(log, "done", room="b")
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        client.xreadgroup("mailer", "somebody", {KEYS.log: ">"}, count=1)
        async with Consumer(private_store.url, "mailer") as consumer:
            await drain(consumer, first)
        assert client.hget(KEYS.group("mailer"), "oldest").decode() == held
        client.xgroup_destroy(KEYS.log, "mailer")
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, second)
    assert first.texts() == ["done"]
    assert second.texts() == ["held", "done"]


async def test_a_reset_while_the_consumer_was_away_is_reported(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """The log was deleted between two runs: the next one begins at the new start, and says so."""
    await say(log, "old")
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, Handled())
    with private_store.client() as client:
        client.delete(KEYS.log)
    await logs.settle()
    await say(log, "new")
    handled, reports = Handled(), Reports()
    async with Consumer(private_store.url, "mailer", since="now", report=reports) as consumer:
        await drain(consumer, handled)
    assert (handled.texts(), reports.resets()) == (["new"], 1)


async def test_other_partitions_than_before_end_it(
    private_store: PrivateStore, log: Log, settings: Callable[..., Settings]
) -> None:
    """A store that was flushed and set up with another number of partitions is not read in part: the
    consumer ends, and says why."""
    async with Consumer(private_store.url, "mailer") as consumer:
        running = asyncio.create_task(consumer.run(Handled()))
        with private_store.client() as client:
            client.flushall()
        async with Store(private_store.url) as store:
            await Logs(store, settings(partitions="2")).settle()
        with pytest.raises(StoreUnfit, match="2 partitions now and had 1"):
            async with asyncio.timeout(10):
                await running


async def test_a_store_that_is_killed_and_comes_back(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The store dies under a consumer and is started again: every event is handled, those that were
    acked are not handed out again."""
    private = own_store(durability="always")
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, *(f"{number}" for number in range(20)))
        handled = Handled()
        async with Consumer(private.url, "mailer", retries=QUICK) as consumer:
            running = asyncio.create_task(consumer.run(handled))
            await wait_until(lambda: len(handled.deliveries) == 20, "it works")
            private.kill()
            private.start()
            await say(logs, *(f"after {number}" for number in range(20)))
            await wait_until(lambda: "after 19" in handled.texts(), "it goes on")
            consumer.stop()
            await running
    assert sorted(set(handled.texts())) == sorted(
        [f"{number}" for number in range(20)] + [f"after {number}" for number in range(20)]
    )
    assert len(handled.texts()) <= 41, "at most the one whose ack was lost came twice"


async def test_a_full_store_is_read_on(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """Where posts are refused because memory is full, a consumer starts, handles what there is, tries
    again what failed, and gives its signs of life."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, *(f"{number}" for number in range(30)))
        with private.client() as client:
            client.config_set("maxmemory", "1mb")
            with pytest.raises(StoreFull):
                await say(logs, "refused")
            handled = Handled(lambda one: None if one.attempt > 1 else RuntimeError("first"))
            async with Consumer(private.url, "mailer", retries=QUICK) as consumer:
                await drain(consumer, handled)
                await wait_until(
                    lambda: client.hget(KEYS.group("mailer"), "oldest") == b"", "it is noted"
                )
            assert counted(client, "mailer", "handled") == 30
            assert pending(client, "mailer") == 0


async def test_a_lost_reply_loses_no_event(private_store: PrivateStore, log: Log) -> None:
    """The connection is cut after the store has delivered: what was delivered is read again."""
    async with Proxy(private_store.socket) as proxy:
        handled = Handled()
        async with Consumer(proxy.url, "mailer") as consumer:
            running = asyncio.create_task(consumer.run(handled))
            for number in range(20):
                proxy.lose_replies("cut", 1, after=b"XREADGROUP")
                await say(log, f"{number}")
                await wait_until(lambda n=number: f"{n}" in handled.texts(), "it came")  # type: ignore[misc]
            consumer.stop()
            await running
        assert proxy.lost_replies >= 5
    assert sorted(set(handled.texts()), key=int) == [f"{number}" for number in range(20)]
    with private_store.client() as client:
        assert pending(client, "mailer") == 0


async def test_the_projector_s_group_is_left_alone(private_store: PrivateStore, log: Log) -> None:
    """A consumer beside the projector takes nothing from it."""
    await say(log, "one")
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, Handled())
    with private_store.client() as client:
        client.xreadgroup(PROJECTOR, "me", {KEYS.log: ">"})
        assert pending(client, PROJECTOR) == 1
