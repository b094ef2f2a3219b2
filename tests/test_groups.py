"""How far a group is: figures that stay true after trims, for programs, people and Prometheus."""

import json
from collections.abc import AsyncIterator

import pytest

from consumers.consumer import Consumer
from consumers.groups import read_groups
from consumers.stats import read_group_stats
from consumers.sweeper import Sweeper
from messenger.entries import EntryId
from messenger.log import Log, Logs
from tests.commands import Commands
from tests.consuming import Handled, drain, say
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms


@pytest.fixture
async def commands(private_store: PrivateStore) -> AsyncIterator[Commands]:
    """Commands on the test's store."""
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


async def test_lag_is_true_after_trims_and_erasures(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """What was swept or erased before the group got it is no part of its lag, and neither is what was
    trimmed behind it; XINFO does not know that."""
    with private_store.client() as client:
        now = now_ms(client)
        client.xgroup_create(KEYS.log, "mailer", "0")
        for number in range(10):
            add_posted(client, f"{now - 1_000_000 + number}-0", f"{number}")
        client.xreadgroup("mailer", "somebody", {KEYS.log: ">"}, count=3)
        add_posted(client, f"{now - 5_000}-0", "living")
        (erased, _) = await say(log, "erased", "newest")
        await Sweeper(logs).step()
        await log.erase("lobby", EntryId.parse(erased), "author")
        async with Consumer(private_store.url, "counter", since="now"):
            pass
        mailer = next(each for each in await read_groups([log]) if each.group == "mailer")
        # The one that lives, the newest, and the event of the erasure.
        assert mailer.lag == 3
        assert 5_000 <= mailer.lag_ms < 60_000
        assert mailer.pending == 3
        assert mailer.expired == 7


async def test_a_consumer_tells_its_group_s_lag(private_store: PrivateStore, log: Log) -> None:
    """Entries and seconds from the log itself, and what is pending; nothing once all is handled."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        add_posted(client, f"{now_ms(client) - 3_000}-0", "early")
    async with Consumer(private_store.url, "other") as consumer:
        await drain(consumer, Handled())
    async with Consumer(private_store.url, "mailer", room="lobby") as consumer:
        consumer.stop()
        await say(log, "late")
        lag = await consumer.lag()
        assert lag.entries + lag.pending == 2
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, Handled())
        lag = await consumer.lag()
        assert (lag.entries, lag.seconds, lag.pending) == (0, 0.0, 0)


async def test_a_long_lag_is_counted_in_parts(private_store: PrivateStore, log: Log) -> None:
    """Thousands of entries are counted exactly, and where a limit is set no further than that."""
    with private_store.client() as client:
        pipeline = client.pipeline(transaction=False)
        for _ in range(2_500):
            pipeline.xadd(KEYS.log, {"type": "x"})
        pipeline.execute()
    (projector,) = await read_groups([log])
    assert projector.lag == 2_500
    (projector,) = await read_groups([log], most=1_200)
    assert projector.lag == 1_200


async def test_groups_are_printed_for_people_and_programs(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """One line for each group and partition, with its consumers; the same facts with --json."""
    await say(log, "a", "b", "c")
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        client.xreadgroup("mailer", "mail\x1b-1", {KEYS.log: ">"}, count=2)
    done = await commands.run("groups")
    assert (done.code, done.err) == (0, "")
    header, mailer, projector = done.out.splitlines()
    assert header.split()[:5] == ["group", "partition", "lag", "behind", "pending"]
    assert mailer.split()[:3] == ["mailer", "0", "1"]
    assert mailer.split()[4] == "2"
    assert "mail\ufffd-1 (2, 0s)" in mailer
    assert projector.split()[:3] == ["projector", "0", "3"]
    found = [json.loads(line) for line in (await commands.run("groups", "--json")).out.splitlines()]
    facts = {each["group"]: each for each in found}
    assert (facts["mailer"]["lag"], facts["mailer"]["pending"]) == (1, 2)
    assert facts["mailer"]["consumers"][0]["pending"] == 2
    assert facts["mailer"]["oldest_pending_ms"] > 0


async def test_the_stats_know_every_group(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Prometheus is told of each group's dead letters, lag and pending entries, whatever its name."""
    with private_store.client() as client:
        for name in (b"mailer", b"\xff\xfe", b"\xfe\xff"):
            client.xgroup_create(KEYS.log, name, "0")
    found = await read_group_stats(logs)
    names = [each.group for each in found]
    assert len(set(names)) == 4
    assert {"mailer", "projector"} < set(names)
