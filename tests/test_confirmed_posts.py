"""Promise 2 with replicas, over HTTP: 503 for what is not on them, and a failover loses no 201."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from messenger.cluster import slot_of
from tests.crowds import Crowd, rooms_of
from tests.private_cluster import PrivateCluster
from tests.private_sentinels import PrivateSentinels
from tests.replicated import Pair, replicated
from tests.serving import Messenger
from tests.test_cluster_failover import cut_off, replica_of, taken_over
from tests.test_sentinels import failed_over
from tests.waiting import wait_until

POST = "/api/rooms/lobby/messages"
PARTITIONS = 8

Run = Callable[..., Awaitable[Messenger]]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with replicated() as made:
        yield made


async def test_a_post_that_no_replica_has_is_refused_plainly(
    pair: Pair, run_messenger: Run
) -> None:
    """503 within three seconds, with its code and with when to come back, by request, by form and by
    socket; so is an erasure. Sent again with its key the post is there once."""
    messenger = await run_messenger(pair.primary, replicas="1")
    first = await messenger.post("first")
    async with messenger.socket() as socket:
        pair.link.hold()
        began = time.monotonic()
        asked = {"json": {"text": "held up"}, "headers": {"Idempotency-Key": "4711"}}
        refused = await messenger.problem("POST", POST, **asked)
        assert time.monotonic() - began < 3.0
        assert (refused["status"], refused["code"]) == (503, "unconfirmed")
        assert int(refused["headers"]["Retry-After"]) > 0
        told = await socket.post("by socket", key="s")
        assert (told.name, told.data["code"]) == ("refused", "unconfirmed")
        token = {"Authorization": f"Bearer {first['erase_token']}"}
        erasing = await messenger.problem("DELETE", f"{POST}/{first['id']}", headers=token)
        assert (erasing["status"], erasing["code"]) == (503, "unconfirmed")
        form = {"text": "by form", "author": "", "ttl": "", "nonce": "n"}
        async with messenger.session.post(messenger.url + "/r/lobby", data=form) as response:
            assert response.status == 503
            assert "Not confirmed" in await response.text()
        pair.link.heal()
        assert (await socket.post("by socket", key="s")).name == "posted"
    await messenger.post("held up", key="4711")
    assert sorted(await messenger.texts()) == ["by socket", "first", "held up"]


async def test_readiness_says_that_replicas_are_missing(pair: Pair, run_messenger: Run) -> None:
    """While no post would be accepted the process is not ready, and reading goes on; with the replica
    it heals by itself."""
    messenger = await run_messenger(pair.primary, replicas="1")
    await messenger.post("kept")

    async def says(word: str) -> bool:
        async with messenger.session.get(messenger.url + "/health/ready") as response:
            return word in await response.text()

    await wait_until(lambda: says('"ready"'), "all is well")
    pair.replica.kill()
    await wait_until(lambda: says("0 of 1 replicas"), "it is not ready")
    assert await messenger.texts() == ["kept"]
    await asyncio.to_thread(pair.replica.start)
    await wait_until(lambda: says('"ready"'), "it is ready again", seconds=20)
    await messenger.post("after")


async def test_sentinels_that_fail_over_lose_no_accepted_message(
    sentinel_group: PrivateSentinels, run_messenger: Run
) -> None:
    """The primary dies under writers: whatever was accepted is there, and with the replica that is left
    posts go on."""
    messenger = await run_messenger(sentinel_group, partitions="2", replicas="1")
    async with Crowd(messenger, 2).at_work() as crowd:
        victim = sentinel_group.primary
        victim.kill()
        await failed_over(sentinel_group, victim)
        await crowd.everyone_posts()
    assert await crowd.check() == 0


async def test_a_replica_of_a_cluster_that_was_behind_takes_over_and_nothing_is_lost(
    own_cluster: Callable[..., PrivateCluster], run_messenger: Run
) -> None:
    """A replica is cut off, its primary dies, and it takes over all the same: no message that was
    accepted is lost, for none was since. The rooms of other servers go on."""
    cluster = own_cluster()
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS), replicas="1")
    victim, rooms = cluster.owner(slot_of(0)), rooms_of(PARTITIONS)
    hit = {rooms[each] for each in range(PARTITIONS) if cluster.owner(slot_of(each)) is victim}
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        cut_off(victim, replica_of(cluster, victim))
        refused = [crowd.told[room].refusals for room in hit]
        await wait_until(lambda: all(refused), "its rooms are refused")
        victim.kill()
        await taken_over(cluster, victim)
        victim.launch()
        await wait_until(cluster.is_whole, "it is back", seconds=30)
        await crowd.everyone_posts()
    assert await crowd.check() == 0
    assert not any(crowd.told[room].refusals for room in rooms if room not in hit)
