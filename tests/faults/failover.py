"""A harm that changes which store is ours: a replica takes over."""

import asyncio
import time

from tests.faults.history import wall_ms
from tests.faults.proxy import Proxy
from tests.faults.rounds import Round
from tests.private_store import PrivateStore


async def fail_over(this: Round) -> None:
    """F10: the link to the replica goes silent, the primary is killed, the replica is promoted. What
    was accepted meanwhile may be lost (replication is asynchronous), and everybody is told."""
    primary = this.site.store
    with primary.client() as client:
        client.config_set("repl-diskless-sync-delay", "0")
    async with Proxy(primary.socket) as link:
        host, port = link.url.removeprefix("redis://").split(":")
        replica = PrivateStore()
        replica.options += ["--replicaof", f"{host} {port}"]
        await asyncio.to_thread(replica.start)
        with replica.client() as client:
            await synced(client)
            since = wall_ms()
            link.hold()
            await this.pause(0.5, 1.5)
            primary.kill()
            this.injected += 1
            client.execute_command("REPLICAOF", "NO", "ONE")
    await asyncio.sleep(0.05)
    # Asynchronous: how far a busy replica is behind has no bound.
    this.forgive(since - 2_000)
    this.site.point_to(replica)
    this.healed()
    await this.pause(1.0)


async def synced(client: object) -> None:
    """Waits until a replica has all that its primary has."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = client.info("replication")  # type: ignore[attr-defined]
        if found["master_link_status"] == "up":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the replica is not in sync")
