"""Moving a slot of a test's cluster, in each of the ways that there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.private_cluster import Node, PrivateCluster
from tests.waiting import wait_until

Move = Callable[[PrivateCluster, int, Node], Awaitable[None]]


async def move_at_once(cluster: PrivateCluster, slot: int, to: Node) -> None:
    """Atomically, as Valkey 9 does it."""
    with cluster.owner(slot).client() as client:
        client.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
    await wait_until(lambda: cluster.owner(slot) is to, f"the slot {slot} has moved")


async def move_by_keys(cluster: PrivateCluster, slot: int, to: Node) -> None:
    """Key by key, as any server does it, with a moment between the keys."""
    async with half_moved(cluster, slot, to):
        pass


@asynccontextmanager
async def half_moved(
    cluster: PrivateCluster, slot: int, to: Node, *names: str
) -> AsyncIterator[list[str]]:
    """Begins to move a slot and moves the keys with these words in their names; the rest at the end.
    Gives the names of the keys that have moved."""
    source = cluster.owner(slot)
    with source.client() as here, to.client() as there:
        there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)

        def move(*words: str) -> list[str]:
            keys = here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100_000)
            chosen = [key for key in keys if any(word.encode() in key for word in words)]
            for key in chosen:
                here.execute_command("MIGRATE", "127.0.0.1", to.port, key, 0, 5_000)
            return [key.decode() for key in chosen]

        try:
            yield move(*names)
        finally:
            await wait_until(lambda: not move("messenger:"), "all keys have moved")
            for client in (there, here):
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", to.id)
    await wait_until(lambda: cluster.owner(slot) is to, f"the slot {slot} has moved")
