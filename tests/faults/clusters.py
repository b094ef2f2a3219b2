"""A messenger on a cluster, and harms to it: F11."""

import asyncio
import random

import redis

from messenger.cluster import slot_of
from tests.commands import UNLIMITED, Commands
from tests.faults.history import wall_ms
from tests.faults.rounds import Round
from tests.faults.site import Member, Site, free_port
from tests.private_cluster import Node, PrivateCluster
from tests.slot_moves import Move, move_at_once, move_by_keys
from tests.waiting import wait_until

SLOT = slot_of(0)
_TAKEN_OVER_S = 30.0


class Home:
    """The server that has the messenger's partition now, as far as a round needs it."""

    def __init__(self, cluster: PrivateCluster) -> None:
        self.cluster = cluster
        self.environment: dict[str, str] = {}

    def client(self) -> redis.Redis:
        return self.cluster.owner(SLOT).client()

    def remove(self) -> None:
        self.cluster.remove()


class ClusterSite(Site):
    """Two web processes and two workers on three primaries, each with a replica. No proxy: what the
    servers name is what our processes connect to."""

    def __init__(
        self,
        rng: random.Random,
        window: str = "60s",
        durability: str = "everysec",
        web_workers: int = 0,
    ) -> None:
        super().__init__(rng, window, durability, web_workers)
        self.store.remove()
        self.cluster = PrivateCluster(durability=durability)
        self.store = Home(self.cluster)  # type: ignore[assignment]

    async def _build(self, commands: Commands) -> None:
        self._stack.callback(self.cluster.remove)
        await asyncio.to_thread(self.cluster.start)
        for name in ("web1", "web2", "worker1", "worker2"):
            self.members[name] = Member(
                commands,
                self._web if name.startswith("web") else ("worker",),
                name,
                MESSENGER_STORE_URL=self.cluster.url,
                MESSENGER_WINDOW=self._window,
                **UNLIMITED,
                **({"MESSENGER_PORT": str(free_port())} if name.startswith("web") else {}),
            )
        await self._start_members()


def _of(this: Round) -> tuple[PrivateCluster, Node]:
    """The cluster, and the server that has the partition."""
    assert isinstance(this.site, ClusterSite)
    cluster = this.site.cluster
    return cluster, cluster.owner(SLOT)


async def kill_primary(this: Round) -> None:
    """F11: kill -9 of the partition's primary; its replica takes over, and it comes back as one."""
    cluster, victim = _of(this)
    since = wall_ms()
    victim.kill()
    this.injected += 1
    await _taken_over(this, cluster, victim, since)
    await this.pause(0.5)
    victim.launch()
    await wait_until(cluster.is_whole, "it is back", seconds=_TAKEN_OVER_S)


async def cut_off_primary(this: Round) -> None:
    """The partition's primary hears nothing of the others, who make its replica the primary; until it
    finds out by itself it goes on accepting posts."""
    cluster, victim = _of(this)
    since = wall_ms()
    with victim.client() as client:
        client.execute_command("DEBUG", "DROP-CLUSTER-PACKET-FILTER", -2)
        this.injected += 1
        await _taken_over(this, cluster, victim, since)
        client.execute_command("DEBUG", "DROP-CLUSTER-PACKET-FILTER", -1)
    await wait_until(cluster.is_whole, "it follows", seconds=_TAKEN_OVER_S)
    this.forgive(since - 2_000)


async def freeze_primary(this: Round) -> None:
    """The partition's primary stands still until another took over, and goes on as if it were one."""
    cluster, victim = _of(this)
    since = wall_ms()
    victim.freeze()
    this.injected += 1
    await _taken_over(this, cluster, victim, since)
    victim.thaw()
    await wait_until(cluster.is_whole, "it follows", seconds=_TAKEN_OVER_S)
    # Until it found out it did what was still in its sockets.
    this.forgive(since - 2_000)


async def move_slot_at_once(this: Round) -> None:
    """The partition's slot goes round the primaries, atomically."""
    await _move(this, move_at_once)


async def move_slot_by_keys(this: Round) -> None:
    """The same, key by key."""
    await _move(this, move_by_keys)


async def _move(this: Round, move: Move) -> None:
    for _ in range(4):
        cluster, home = _of(this)
        to = this.rng.choice([primary for primary, _ in cluster.pairs() if primary is not home])
        await move(cluster, SLOT, to)
        this.injected += 1
        this.healed()
        await this.pause(0.2, 0.8)


async def _taken_over(this: Round, cluster: PrivateCluster, victim: Node, since: int) -> None:
    """Waits for the replica. What was accepted meanwhile may be lost (replication is asynchronous)."""
    replica = next(replica for primary, replica in cluster.pairs() if primary is victim)
    await wait_until(
        lambda: replica.facts()["role"] == "master" and replica.facts()["cluster_state"] == "ok",
        "the replica takes over",
        seconds=_TAKEN_OVER_S,
    )
    this.notes.append(f"taken over after {(wall_ms() - since) / 1_000:.1f} s")
    this.healed()
    await this.pause(0.5)
    this.forgive(since - 2_000)
