"""Many at a time, and still each room in its order; several consumers, and still each event once."""

import asyncio
from collections import Counter, defaultdict

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.membership import Retries
from messenger.log import Log
from tests.consuming import QUICK, Handled, drain, pending, say, text_of
from tests.private_store import PrivateStore
from tests.waiting import wait_until


async def _fill(log: Log, rooms: int, each: int) -> None:
    for number in range(each):
        await asyncio.gather(*(say(log, f"{number}", room=f"room-{room}") for room in range(rooms)))


async def test_rooms_are_handled_side_by_side_and_each_in_order(
    private_store: PrivateStore, log: Log
) -> None:
    """With a concurrency of eight several handlers run at once, never two of one room, and what a room
    said is handled in the log's order, also where some of it fails first."""
    await _fill(log, rooms=6, each=20)
    running: Counter[str] = Counter()
    most = 0
    order: dict[str, list[int]] = defaultdict(list)
    failed: set[str] = set()

    async def handle(delivery: Delivery) -> None:
        nonlocal most
        running[delivery.room] += 1
        most = max(most, running.total())
        assert running[delivery.room] == 1
        await asyncio.sleep(0.001)
        running[delivery.room] -= 1
        if int(text_of(delivery)) % 7 == 3 and delivery.key not in failed:
            failed.add(delivery.key)
            raise RuntimeError
        order[delivery.room].append(int(text_of(delivery)))

    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handle, concurrency=8)
    assert order == {f"room-{room}": list(range(20)) for room in range(6)}
    assert 3 <= most <= 8


async def test_no_more_run_at_once_than_were_asked_for(
    private_store: PrivateStore, log: Log
) -> None:
    """With a concurrency of two a third event waits, whatever room it is of."""
    await _fill(log, rooms=10, each=2)
    now, most = 0, 0

    async def handle(_: Delivery) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1

    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handle, concurrency=2)
    assert most == 2


async def test_consumers_side_by_side_share_the_work(private_store: PrivateStore, log: Log) -> None:
    """Two consumers of a group both work, and each event is handled by one of them."""
    first, second = Handled(), Handled()
    async with (
        Consumer(private_store.url, "mailer") as one,
        Consumer(private_store.url, "mailer") as other,
    ):
        running = [asyncio.create_task(one.run(first)), asyncio.create_task(other.run(second))]
        number = 0

        async def both_work() -> bool:
            nonlocal number
            number += 1
            await _fill(log, rooms=10, each=1)
            return len(first.deliveries) > 5 and len(second.deliveries) > 5

        await wait_until(both_work, "both have got some")
        with private_store.client() as client:
            await wait_until(lambda: pending(client, "mailer") == 0, "all are acked")
        one.stop()
        other.stop()
        await asyncio.gather(*running)
    keys = [each.key for each in first.deliveries + second.deliveries]
    assert len(keys) == len(set(keys)) == 10 * number


async def test_two_groups_each_get_everything(private_store: PrivateStore, log: Log) -> None:
    """Groups do not take events from each other."""
    await say(log, "a", "b")
    for group in ("mailer", "counter"):
        handled = Handled()
        async with Consumer(private_store.url, group) as consumer:
            await drain(consumer, handled)
        assert handled.texts() == ["a", "b"]


async def test_what_is_handled_slowly_is_not_taken_away(
    private_store: PrivateStore, log: Log
) -> None:
    """A handler may take longer than the idle time: while its consumer lives nobody takes over."""
    await say(log, "slow")
    first, second = Handled(), Handled()
    quick = Retries(idle="1s")
    release = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        await first(delivery)
        await release.wait()

    async with (
        Consumer(private_store.url, "mailer", retries=quick) as one,
        Consumer(private_store.url, "mailer", retries=quick) as other,
    ):
        running = asyncio.create_task(one.run(handle))
        await wait_until(lambda: first.texts() == ["slow"], "it is being handled")
        waiting = asyncio.create_task(other.run(second))
        with private_store.client() as client:
            # Also after a stop, as long as it is being handled.
            one.stop()
            await asyncio.sleep(2.5)  # an idle time and more, in which nothing may happen
            release.set()
            await running
            await wait_until(lambda: pending(client, "mailer") == 0, "it is acked")
        other.stop()
        await waiting
    assert (first.texts(), second.texts()) == (["slow"], [])


async def test_a_consumer_holds_no_more_than_it_needs(
    private_store: PrivateStore, log: Log
) -> None:
    """While one event takes long, a long log is not read into memory: what is ready is bounded."""
    await _fill(log, rooms=50, each=10)
    handled = Handled()
    release = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        await release.wait()

    async with Consumer(private_store.url, "mailer") as consumer:
        running = asyncio.create_task(consumer.run(handle))
        await wait_until(lambda: handled.deliveries, "it has begun")
        with private_store.client() as client:
            held = 0

            def has_settled() -> bool:
                nonlocal held
                before, held = held, pending(client, "mailer")
                return held == before

            await wait_until(has_settled, "it reads no more")
            assert held <= 20
            release.set()
            await wait_until(lambda: len(handled.deliveries) == 500, "all are handled")
        consumer.stop()
        await running


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_busy_room_does_not_hold_up_the_others(
    private_store: PrivateStore, log: Log, concurrency: int
) -> None:
    """Hundreds of events behind a slow one of their room do not keep another room waiting."""
    await say(log, *(f"{number}" for number in range(300)), room="busy")
    await say(log, "through", room="quiet")
    handled = Handled()
    release = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        if delivery.room == "busy" and delivery.attempt == 1 and text_of(delivery) == "0":
            raise RuntimeError
        if delivery.room == "busy":
            await release.wait()
        await handled(delivery)

    patient = Retries(first="500ms", cap="500ms")
    async with Consumer(private_store.url, "mailer", retries=patient) as consumer:
        running = asyncio.create_task(consumer.run(handle, concurrency=concurrency))
        await wait_until(lambda: handled.texts("quiet"), "the other room is through")
        assert handled.texts("busy") == []
        release.set()
        await wait_until(lambda: len(handled.deliveries) == 301, "all are handled")
        consumer.stop()
        await running
    assert handled.texts("busy") == [f"{number}" for number in range(300)]
