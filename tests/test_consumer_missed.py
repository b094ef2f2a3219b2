"""What a group never got is told: what expired first, and what somebody cut by hand."""

import asyncio

from consumers.consumer import Consumer
from consumers.sweeper import Sweeper
from messenger.log import Log, Logs
from tests.consuming import QUICK, Handled, Reports, counted, drain, pending, say
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.waiting import wait_until


async def test_what_expired_while_nobody_read_is_reported(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """The group's consumers were away for longer than the window: how many entries expired, unread or
    in the hands of one that died, is told to the next consumer, once."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        now = now_ms(client)
        for number in range(7):
            add_posted(client, f"{now - 1_000_000 + number}-0", f"late {number}")
        add_posted(client, f"{now - 1_000}-0", "living")
        client.xreadgroup("mailer", "dead", {KEYS.log: ">"}, count=2)
        await Sweeper(logs).step()
        handled, reports = Handled(), Reports()
        async with Consumer(private_store.url, "mailer", report=reports, retries=QUICK) as consumer:
            running = asyncio.create_task(consumer.run(handled))
            await wait_until(lambda: reports.expired() == 7, "all seven are reported")
            consumer.stop()
            await running
        assert handled.texts() == ["living"]
        assert pending(client, "mailer") == 0
        again = Reports()
        async with Consumer(private_store.url, "mailer", report=again) as consumer:
            await drain(consumer, Handled())
        assert again.all == []
        assert counted(client, "mailer", "expired_unprocessed") == 7


async def test_a_trim_by_hand_past_its_position_is_reported(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Somebody has cut the log while the consumer was away: what is there is handled, and it is told
    up to where something may be missing; once."""
    async with Consumer(private_store.url, "mailer") as consumer:
        await say(log, "one")
        await drain(consumer, Handled())
    ids = await say(log, "two", "three", "four")
    with private_store.client() as client:
        client.xtrim(KEYS.log, maxlen=1, approximate=False)
    await Sweeper(logs).step()
    handled, reports, again = Handled(), Reports(), Reports()
    async with Consumer(private_store.url, "mailer", report=reports) as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["four"]
    (until,) = reports.trimmed()
    assert until is not None
    assert ids[1] <= until < ids[2]
    async with Consumer(private_store.url, "mailer", report=again) as consumer:
        await drain(consumer, Handled())
    assert again.all == []


async def test_a_trim_that_it_has_read_past_is_reported(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A trim is noticed a moment late. A consumer that has read on from behind the cut meanwhile is told
    of it all the same; who had everything before it is not."""
    sweeper = Sweeper(logs)

    async def read(group: str) -> tuple[list[str], Reports]:
        handled, reports = Handled(), Reports()
        async with Consumer(private_store.url, group, report=reports) as consumer:
            await drain(consumer, handled)
        return handled.texts(), reports

    await say(log, "one")
    await read("mailer")
    ids = await say(log, "two", "three", "four")
    await read("archive")
    await sweeper.step()
    with private_store.client() as client:
        client.xtrim(KEYS.log, maxlen=1, approximate=False)
    assert (await read("mailer"))[0] == ["four"]
    await sweeper.step()
    (until,) = (await read("mailer"))[1].trimmed()
    assert until is not None
    assert until >= ids[1]
    assert (await read("archive"))[1].all == []


async def test_a_new_group_is_not_told_of_what_was_before_it(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A group that begins after a trim has missed nothing by it."""
    await say(log, "one", "two")
    with private_store.client() as client:
        client.xtrim(KEYS.log, maxlen=1, approximate=False)
    await Sweeper(logs).step()
    reports = Reports()
    async with Consumer(private_store.url, "mailer", report=reports) as consumer:
        await drain(consumer, Handled())
    assert reports.all == []
