"""A harm that changes which store is ours: a replica takes over."""

import asyncio
import time

from tests.commands import Commands
from tests.faults.history import wall_ms
from tests.faults.proxy import Proxy
from tests.faults.rounds import Round
from tests.faults.site import Site
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


class StrictSite(Site):
    """A primary with two replicas, one of which must have what is accepted. `link` is how both follow
    the primary, `next_link` how one follows the other."""

    environment = {"MESSENGER_REPLICAS": "1"}  # noqa: RUF012  as the others'

    async def _build(self, commands: Commands) -> None:
        await super()._build(commands)
        self.replicas = [PrivateStore(), PrivateStore()]
        for replica in self.replicas:
            self._stack.callback(replica.remove)
        self.link, self.next_link = [
            await self._stack.enter_async_context(Proxy(each.socket))
            for each in (self.store, self.replicas[0])
        ]
        with self.store.client() as client:
            client.config_set("repl-diskless-sync-delay", "0")
        for replica in self.replicas:
            replica.options += ["--repl-diskless-sync-delay", "0"]
            replica.options += ["--replicaof", " ".join(_place(self.link))]
            await asyncio.to_thread(replica.start)
            with replica.client() as client:
                await synced(client)

    def point_to(self, store: PrivateStore) -> None:
        self.store = store
        for proxy in self.proxies.values():
            proxy.target = store.socket
            proxy.reset()


def _place(link: Proxy) -> list[str]:
    return link.url.removeprefix("redis://").split(":")


async def fail_over_confirmed(this: Round) -> None:
    """F10a, MESSENGER_REPLICAS=1: the same, with two replicas. What was accepted is there, also what was
    accepted in the last moment; what was shown and not accepted may be gone."""
    site = this.site
    assert isinstance(site, StrictSite)
    primary, (heir, other) = site.store, site.replicas
    await this.pause(0.2, 0.6)
    since = wall_ms()
    site.link.hold()
    await this.pause(1.5, 2.5)
    this.demand("unconfirmed" in this.history.refusals, "nobody was refused")
    primary.kill()
    this.injected += 1
    with heir.client() as client, other.client() as follower:
        client.execute_command("REPLICAOF", "NO", "ONE")
        follower.execute_command("REPLICAOF", *_place(site.next_link))
        site.point_to(heir)
        await synced(follower)
    this.forgive_unconfirmed(since - 2_000)
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
