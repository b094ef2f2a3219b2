"""Who has a consumer group can do its work with its own rights, and its operator with theirs."""

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.groups import Lag, read_groups
from messenger.connection import Store
from messenger.log import Log, Logs
from messenger.replies import NotPermitted
from tests.commands import Commands
from tests.consuming import QUICK, Handled, Reports, drain, letters, pending, say, text_of
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.sources import ROOT
from tests.users import GROUP, refused, url_as
from tests.waiting import wait_until


async def test_a_consumer_does_its_work(private_store: PrivateStore, log: Log) -> None:
    """The package joins, reads, keeps, acks, tries again, buries, marks what must not be done twice,
    tells its lag and leaves: with the rights of its group, beside groups of others."""
    async with Consumer(private_store.url, "another") as other:
        await drain(other, Handled())
    url = url_as(private_store.url, "downstream", GROUP)
    await say(log, "good", "bad")

    async def handle(delivery: Delivery) -> None:
        if text_of(delivery) == "bad":
            raise ValueError("no")
        assert await consumer.once(delivery)
        assert not await consumer.once(delivery)
        assert (await consumer.lag()).pending == 2  # this one and the bad one

    reports = Reports()
    async with Consumer(url, GROUP, retries=QUICK, report=reports) as consumer:
        await drain(consumer, handle)
        assert await consumer.lag() == Lag(entries=0, seconds=0, pending=0)
    with private_store.client() as client:
        assert [each["error"] for each in letters(client, GROUP)] == ["ValueError: no"]
        assert refused(client) == []


async def test_a_lag_that_may_not_be_known_is_not_nothing(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Where the store does not let us ask for a group's facts, that is said."""
    async with Consumer(private_store.url, "another") as other:
        await drain(other, Handled())
    async with Store(url_as(private_store.url, "downstream", GROUP)) as store:
        with pytest.raises(NotPermitted):
            await read_groups(Logs(store, logs.settings).all)
    with private_store.client() as client:
        client.acl_log_reset()


@pytest.mark.parametrize("verb", ["requeue", "drop"])
async def test_an_operator_looks_after_dead_letters(
    private_store: PrivateStore, log: Log, verb: str
) -> None:
    """`messenger groups` and `messenger dead` take no more than the operator's rights."""
    (bad,) = await say(log, "bad")
    async with Consumer(private_store.url, GROUP, retries=QUICK) as consumer:
        await drain(consumer, Handled(lambda _: ValueError("no")))
    async with Commands(MESSENGER_STORE_URL=url_as(private_store.url, "operator")) as commands:
        for command in (
            ["groups"],
            ["dead", "list"],
            ["dead", "show", "--group", GROUP, bad],
            ["dead", verb, "--group", GROUP, bad],
        ):
            done = await commands.run(*command)
            assert done.code == 0, done.err
    with private_store.client() as client:
        assert not letters(client, GROUP)
        assert refused(client) == []


async def test_consume_takes_its_group_s_user(private_store: PrivateStore, log: Log) -> None:
    """`messenger consume` runs with the rights of its group."""
    await say(log, "hello")
    url = url_as(private_store.url, "downstream", GROUP)
    async with Commands(MESSENGER_STORE_URL=url) as commands:
        running = await commands.start("consume", "--group", GROUP)
        assert '"hello"' in await running.line()
        assert await running.end() in (0, 130)
    with private_store.client() as client:
        assert refused(client) == []


async def test_a_client_by_hand_takes_its_group_s_user(
    private_store: PrivateStore, log: Log
) -> None:
    """What docs/consumers.md asks of any client is within the rights of a group's user: an entry is
    handled, another that its consumer left is taken over."""
    await say(log, "left", "new")
    url = url_as(private_store.url, "downstream", GROUP)
    program = ROOT / "docs" / "examples" / "plain_redis.py"
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, GROUP, "0")
        client.xreadgroup(GROUP, "name", {KEYS.log: ">"}, count=1)
        async with Commands() as commands:
            running = await commands.start_python(str(program), url, GROUP, "name")
            assert {(await running.line()).split(": ")[1] for _ in range(2)} == {"left", "new"}
            await wait_until(lambda: pending(client, GROUP) == 0, "both are done")
            assert await running.end() == 0
        assert refused(client) == []
