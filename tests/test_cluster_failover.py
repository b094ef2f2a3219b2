"""A cluster whose servers fail under readers and writers."""

import asyncio
from collections.abc import Awaitable, Callable

from consumers.consumer import Consumer
from messenger.cluster import slot_of
from tests.consuming import QUICK, Handled
from tests.crowds import Crowd, rooms_of
from tests.private_cluster import Node, PrivateCluster, wait_for
from tests.serving import Messenger
from tests.users import url_as
from tests.waiting import wait_until

PARTITIONS = 8

Run = Callable[..., Awaitable[Messenger]]


def replica_of(cluster: PrivateCluster, primary: Node) -> Node:
    return next(replica for each, replica in cluster.pairs() if each is primary)


async def taken_over(cluster: PrivateCluster, primary: Node) -> None:
    """Until the others agree that its replica is the primary now."""
    replica = replica_of(cluster, primary)
    await wait_until(
        lambda: replica.facts()["role"] == "master" and replica.facts()["cluster_state"] == "ok",
        "the replica takes over",
        seconds=30,
    )


async def test_a_primary_dies(
    own_cluster: Callable[..., PrivateCluster], run_messenger: Run
) -> None:
    """Its rooms are refused until the replica has taken over, and nobody else's for a moment. What was
    accepted is there, but for what had not been replicated, and of that readers are told; the server
    that comes back as a replica is not noticed."""
    cluster = own_cluster()
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    victim = cluster.owner(slot_of(0))
    rooms = dict(enumerate(rooms_of(PARTITIONS)))
    hit = {rooms[each] for each in rooms if cluster.owner(slot_of(each)) is victim}
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        victim.kill()
        await taken_over(cluster, victim)
        await crowd.everyone_posts(seconds=15)
        victim.launch()
        await wait_until(cluster.is_whole, "it is back", seconds=30)
        await crowd.everyone_posts()
    await crowd.check()
    for room, told in crowd.told.items():
        if room not in hit:
            assert told.refusals == []
            assert told.gaps() == []


async def test_a_replica_that_was_behind_takes_over(
    own_cluster: Callable[..., PrivateCluster], run_messenger: Run
) -> None:
    """Replication is asynchronous: what the replica had not got is lost. Whoever was shown it is told
    that the log began anew, and no reader is left with what the room has not."""
    cluster = own_cluster()
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    victim, rooms = cluster.owner(slot_of(0)), rooms_of(PARTITIONS)
    hit = [rooms[each] for each in range(PARTITIONS) if cluster.owner(slot_of(each)) is victim]
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        cut_off(victim, replica_of(cluster, victim))
        await crowd.everyone_posts()
        victim.kill()
        await taken_over(cluster, victim)
        await crowd.everyone_posts(seconds=15)
    assert await crowd.check() >= 5 * len(hit)
    assert {room: set(told.gaps()) for room, told in crowd.told.items()} == {
        room: {"reset"} if room in hit else set() for room in rooms
    }


def cut_off(primary: Node, replica: Node) -> None:
    """The replica follows no more, and takes over all the same."""
    with primary.client() as ahead, replica.client() as behind:
        behind.config_set("masteruser", "nobody")
        behind.config_set("masterauth", "a-wrong-password")
        ahead.execute_command("CLIENT", "KILL", "TYPE", "REPLICA")
    wait_for(lambda: replica.facts()["master_link_status"] == "down", "the replica is cut off")


async def test_a_replica_takes_over_by_hand(cluster: PrivateCluster, run_messenger: Run) -> None:
    """CLUSTER FAILOVER, as for an upgrade: nothing is lost, nothing refused, and nobody is told of a
    gap, though every read that blocked is let go of."""
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        for primary, replica in list(cluster.pairs()):
            for after in (replica, primary):
                await asyncio.to_thread(after.take_over)
                await wait_until(cluster.is_whole, "the other follows", seconds=20)
                await crowd.everyone_posts(2)
    assert await crowd.check() == 0
    assert [told.gaps() for told in crowd.told.values()] == [[]] * PARTITIONS
    assert not any(told.refusals for told in crowd.told.values())


async def test_a_dead_primary_is_not_looked_for_in_a_hot_loop(
    own_cluster: Callable[..., PrivateCluster], run_messenger: Run
) -> None:
    """While nobody has taken over, each process asks the others a few times a second, however many
    wait for it."""
    cluster = own_cluster()
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    victim, room = cluster.owner(slot_of(0)), rooms_of(PARTITIONS)[0]
    replica_of(cluster, victim).kill()
    victim.kill()
    living = [node for node in cluster.nodes if node.is_alive]

    def asked() -> int:
        total = 0
        for node in living:
            with node.client() as client:
                total += client.info("commandstats").get("cmdstat_cluster|slots", {"calls": 0})[
                    "calls"
                ]
        return total

    begun = asked()
    url = f"{messenger.url}/api/rooms/{room}/messages"

    async def post() -> int:
        async with messenger.session.post(url, json={"text": "hello"}) as response:
            return response.status

    started = asyncio.get_running_loop().time()
    assert set(await asyncio.gather(*(post() for _ in range(50)))) == {503}
    seconds = asyncio.get_running_loop().time() - started
    # Web, worker and the test's own store; each asks the four that live at a time.
    assert asked() - begun < seconds * 3 * 4 * 5


async def post_in_each(messenger: Messenger, rooms: list[str], word: str) -> None:
    for room in rooms:
        await messenger.post(f"{word} in {room}", room)


async def test_a_consumer_goes_on_after_a_failover(
    cluster: PrivateCluster, run_messenger: Run
) -> None:
    """A group's consumer handles what every server has, before, while and after its primary changes."""
    messenger = await run_messenger(cluster, partitions=str(PARTITIONS))
    handled, rooms = Handled(), rooms_of(PARTITIONS)
    async with Consumer(
        url_as(cluster.url, "downstream", "mine"), "mine", retries=QUICK
    ) as consumer:
        running = asyncio.create_task(consumer.run(handled))
        await post_in_each(messenger, rooms, "before")
        await wait_until(lambda: len(set(handled.texts())) == PARTITIONS, "all is handled")
        await asyncio.to_thread(replica_of(cluster, cluster.owner(slot_of(0))).take_over)
        await post_in_each(messenger, rooms, "after")
        await wait_until(lambda: len(set(handled.texts())) == 2 * PARTITIONS, "all is handled")
        consumer.stop()
        await running
    await wait_until(cluster.is_whole, "the other follows", seconds=20)
