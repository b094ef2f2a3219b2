"""Several `messenger worker`: what one leaves another takes over, and each entry counts once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from consumers.stats import PartitionStats, read_stats
from messenger.connection import Store
from messenger.keys import PROJECTOR, Keys
from messenger.log import Logs, Post
from messenger.settings import Settings
from tests.commands import Commands, Running
from tests.private_store import PrivateStore
from tests.raw import counts
from tests.test_view_is_the_log import fold, viewed
from tests.waiting import wait_until

_PARTITIONS = 2
_ROOMS = 8


@pytest.fixture
async def two_logs(store: Store, settings: Callable[..., Settings]) -> Logs:
    """Two partitions: each worker has a projector for both."""
    found = Logs(store, settings(partitions=str(_PARTITIONS)))
    await found.settle()
    return found


@asynccontextmanager
async def _three_workers(store: PrivateStore) -> AsyncIterator[list[Running]]:
    """Three workers, each of which waits for entries of every partition."""
    async with Commands(MESSENGER_STORE_URL=store.url) as commands:
        workers = [await commands.start("worker") for _ in range(3)]
        with store.client() as client:
            everybody = 3 * _PARTITIONS
            await wait_until(lambda: _waiting(client) == everybody, "all wait for entries")
        yield workers


def _waiting(client: redis.Redis) -> int:
    """How many wait at the store for entries of a group."""
    return sum(
        each["cmd"] == "xreadgroup" and "b" in each["flags"] for each in client.client_list()
    )


def _holding(client: redis.Redis) -> int:
    """How many consumers hold entries, over all partitions."""
    return sum(
        each["pending"] > 0
        for number in range(_PARTITIONS)
        for each in client.xinfo_consumers(Keys(number).log, PROJECTOR)
    )


async def _say(logs: Logs, count: int, ttl: int | None = None) -> None:
    """So many posts, all rooms at once and one after the other in each."""

    async def in_room(number: int) -> None:
        room = f"room{number}"
        for said in range(number, count, _ROOMS):
            await logs.of(room).append(Post(room, "somebody", f"text {said}", ttl=ttl))

    await asyncio.gather(*(in_room(number) for number in range(_ROOMS)))


async def _stats(logs: Logs) -> list[PartitionStats]:
    return (await read_stats(logs)).partitions


async def test_one_dies_and_one_stands_still_and_each_entry_counts_once(
    private_store: PrivateStore, two_logs: Logs
) -> None:
    """Two of three workers are frozen with entries in hand. One of them is killed with -9; the other
    comes back when the third has taken over what both held, and applies what it was given long ago.
    Each entry counts once, the view is the log, and the lag falls to nothing meanwhile."""
    with private_store.client() as client:
        async with _three_workers(private_store) as workers:
            dies, stands, _ = workers
            # Both wait at the store: it hands them what comes next, and they do not take it.
            dies.signal(signal.SIGSTOP)
            stands.signal(signal.SIGSTOP)
            await _say(two_logs, 800)
            await wait_until(lambda: _holding(client) == 2 * _PARTITIONS, "only those two hold any")
            await dies.end(signal.SIGKILL)
            await _say(two_logs, 800)
            await wait_until(lambda: counts(client) == {"posted": 1_600}, "all is counted")
            assert [(one.lag, one.pending) for one in await _stats(two_logs)] == [(0, 0)] * 2
            assert all(one.redelivered > 0 for one in await _stats(two_logs))
            stands.signal(signal.SIGCONT)
            await _say(two_logs, 400)
            await wait_until(lambda: counts(client) == {"posted": 2_000}, "the rest is counted")
            await wait_until(lambda: _holding(client) == 0, "nobody holds anything")
            assert [worker.is_alive for worker in workers] == [False, True, True]
        assert sum(one.projected for one in await _stats(two_logs)) == 2_000
        assert counts(client) == {"posted": 2_000}
        for log in two_logs.all:
            assert await viewed(log) == await fold(log)


async def test_all_workers_take_part(private_store: PrivateStore, two_logs: Logs) -> None:
    """While entries come each of three workers is handed some of every partition's, and nobody has to
    take over anything."""
    with private_store.client() as client:
        async with _three_workers(private_store):
            await _say(two_logs, 1_200)
            await wait_until(lambda: counts(client) == {"posted": 1_200}, "all is counted")
            assert [one.redelivered for one in await _stats(two_logs)] == [0, 0]
            for number in range(_PARTITIONS):
                consumers = client.xinfo_consumers(Keys(number).log, PROJECTOR)
                # The rest are those that would take over, and were never handed anything.
                assert [each["inactive"] >= 0 for each in consumers].count(True) == 3


async def test_sweepers_side_by_side_count_each_entry_once(
    private_store: PrivateStore, two_logs: Logs
) -> None:
    """Three sweepers on the same partitions: each message that is over leaves once and is counted
    once, and none of them takes it for cut by somebody else."""
    with private_store.client() as client:
        async with _three_workers(private_store) as workers:
            await _say(two_logs, 800, ttl=1_000)
            await wait_until(
                lambda: sum(client.xlen(log.keys.log) for log in two_logs.all) == 0, "all is over"
            )
            assert sum(one.swept for one in await _stats(two_logs)) == 800
            assert not any(client.hexists(log.keys.meta, "trimmed_to") for log in two_logs.all)
            assert all(worker.is_alive for worker in workers)
            assert not any("by hand" in worker.errors() for worker in workers)
        counted = sum(one.expired_unprocessed for one in await _stats(two_logs))
        assert counted + counts(client).get("posted", 0) == 800
