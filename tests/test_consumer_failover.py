"""A consumer through a failover: its address leads to another store all of a sudden."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.consumer import Consumer
from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.consuming import QUICK, Handled, pending, say
from tests.faults.failover import synced
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.waiting import wait_until


@pytest.mark.parametrize("knows_the_group", [True, False])
async def test_a_replica_takes_over(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    knows_the_group: bool,
) -> None:
    """The primary dies, and the replica that is promoted was behind: it may not even have the group.
    The consumer goes on by itself; all that the new store has is handled, and what it is given after."""
    primary = own_store()
    with primary.client() as client:
        client.config_set("repl-diskless-sync-delay", "0")
    async with Proxy(primary.socket) as link, Proxy(primary.socket) as front:
        host, port = link.url.removeprefix("redis://").split(":")
        async with Store(primary.url) as store:
            logs = Logs(store, settings())
            await logs.settle()
            await say(logs, *(f"{number}" for number in range(10)))
            replica = PrivateStore()
            replica.options += ["--replicaof", f"{host} {port}"]
            await asyncio.to_thread(replica.start)
            try:
                await _fail_over(primary, replica, link, front, logs, knows_the_group)
            finally:
                replica.remove()


async def _fail_over(
    primary: PrivateStore,
    replica: PrivateStore,
    link: Proxy,
    front: Proxy,
    logs: Logs,
    knows_the_group: bool,
) -> None:
    handled = Handled()
    with replica.client() as client:
        await synced(client)
        if not knows_the_group:
            link.hold()
        async with Consumer(front.url, "mailer", retries=QUICK) as consumer:
            running = asyncio.create_task(consumer.run(handled))
            await wait_until(lambda: len(handled.texts()) == 10, "it works")
            if knows_the_group:
                await wait_until(lambda: pending(client, "mailer") == 0, "the replica has the acks")
                link.hold()
            await say(logs, "never replicated")
            await wait_until(lambda: "never replicated" in handled.texts(), "the primary is ahead")
            primary.kill()
            client.execute_command("REPLICAOF", "NO", "ONE")
            front.target = replica.socket
            front.reset()
            async with Store(replica.url) as store:
                await say(Logs(store, logs.settings), "after it")
            await wait_until(lambda: "after it" in handled.texts(), "it goes on", seconds=20)
            await wait_until(lambda: pending(client, "mailer") == 0, "all is acked")
            consumer.stop()
            await running
    texts = handled.texts()
    assert set(texts) == {*(f"{number}" for number in range(10)), "never replicated", "after it"}
    # A group that is new to the store begins at the window's start: at least once, never not at all.
    assert len(texts) == (12 if knows_the_group else 22)
