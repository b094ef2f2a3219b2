"""A consumer that is asked to stop finishes what it has begun, and leaves the rest to others at once."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.group import Group
from messenger.connection import Store
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.consuming import QUICK, Handled, counted, drain, pending, say
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.stores import wait_healed
from tests.waiting import wait_until


def _names(private_store: PrivateStore) -> list[str]:
    with private_store.client() as client:
        return [each["name"].decode() for each in client.xinfo_consumers(KEYS.log, "mailer")]


async def test_what_was_begun_is_finished_and_the_rest_is_released(
    private_store: PrivateStore, log: Log
) -> None:
    """At a stop the running handler ends in its own time and its event is acked; what was read and not
    begun comes to the next consumer at once, as if it had never been given out."""
    await say(log, *(f"{number}" for number in range(10)))
    handled, rest = Handled(), Handled()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        consumer.stop()
        await asyncio.sleep(0.05)
        handled.finished = True  # type: ignore[attr-defined]

    async with Consumer(private_store.url, "mailer") as consumer:
        await consumer.run(handle)
        assert handled.finished  # type: ignore[attr-defined]
    with private_store.client() as client:
        assert counted(client, "mailer", "handled") == 1
    async with Consumer(private_store.url, "mailer") as consumer:
        running = asyncio.create_task(consumer.run(rest))
        # Far less than the idle time.
        await wait_until(lambda: len(rest.deliveries) == 9, "the rest came", seconds=3)
        consumer.stop()
        await running
    assert handled.texts() + rest.texts() == [f"{number}" for number in range(10)]
    assert {each.attempt for each in rest.deliveries} == {1}


async def test_nothing_new_is_begun_after_a_stop(private_store: PrivateStore, log: Log) -> None:
    """Several run at once when the stop comes: all of them finish, and no other is begun."""
    for room in range(10):
        await say(log, "x", room=f"room-{room}")
    begun, ended = 0, 0

    async def handle(_: Delivery) -> None:
        nonlocal begun, ended
        begun += 1
        if begun == 3:
            consumer.stop()
        await asyncio.sleep(0.02)
        ended += 1

    async with Consumer(private_store.url, "mailer") as consumer:
        await consumer.run(handle, concurrency=3)
    assert (begun, ended) == (3, 3)


async def test_a_handler_that_is_cancelled_did_not_fail(
    private_store: PrivateStore, log: Log
) -> None:
    """A program that is ended by force, as asyncio does at Ctrl-C, hands its event back, untried."""
    await say(log, "a")
    begun = asyncio.Event()

    async def handle(_: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def program() -> None:
        async with Consumer(private_store.url, "mailer") as consumer:
            await consumer.run(handle)

    running = asyncio.create_task(program())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled)
    assert [each.attempt for each in handled.deliveries] == [1]


@pytest.mark.parametrize("how", ["break", "raise"])
async def test_an_event_at_which_a_loop_is_left_comes_again(
    private_store: PrivateStore, log: Log, how: str
) -> None:
    """Left by break or by an exception: nobody knows whether the event was done, so it is not acked."""
    await say(log, "a", "b")

    async def program() -> None:
        async with Consumer(private_store.url, "mailer") as consumer:
            async for _ in consumer:
                if how == "raise":
                    raise RuntimeError("mine")
                break

    if how == "raise":
        with pytest.raises(RuntimeError, match="mine"):
            await program()
    else:
        await program()
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["a", "b"]


async def test_names_do_not_pile_up(private_store: PrivateStore, log: Log) -> None:
    """A consumer that ends with nothing in its hands is forgotten, and so is one that died, once
    another has taken over what it held and it was silent for long."""
    for _ in range(3):
        await say(log, "a")
        async with Consumer(private_store.url, "mailer") as consumer:
            await drain(consumer, Handled())
            assert len(_names(private_store)) == 1
    assert _names(private_store) == []
    with private_store.client() as client:
        client.xgroup_createconsumer(KEYS.log, "mailer", "old")
        client.xgroup_createconsumer(KEYS.log, "mailer", "holds")
        await say(log, "held")
        client.xreadgroup("mailer", "holds", {KEYS.log: ">"})
    group = Group(log, "mailer")
    assert await group.reap(60_000) == 0
    await wait_until(lambda: group.reap(50), "it was silent for long enough")
    assert _names(private_store) == ["holds"], "what it holds would be lost with it"


async def test_two_consumers_of_one_process_have_two_names(
    private_store: PrivateStore, log: Log
) -> None:
    """They would share a list of what is pending, and hand out each other's events."""
    async with (
        Consumer(private_store.url, "mailer") as one,
        Consumer(private_store.url, "mailer") as other,
    ):
        assert one._membership.name != other._membership.name


async def test_a_stop_while_the_store_is_away_comes_to_its_end(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The store is frozen when the stop comes: the consumer ends all the same, and what it could not
    ack comes again."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, "a")
    handled = Handled()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        private.freeze()
        consumer.stop()

    try:
        async with asyncio.timeout(20), Consumer(private.url, "mailer") as consumer:
            await consumer.run(handle)
    finally:
        private.thaw()
    wait_healed(private)
    with private.client() as client:
        assert pending(client, "mailer") in (0, 1)
    async with Consumer(private.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handled)
    assert set(handled.texts()) == {"a"}
