"""A primary and a replica of the tests' own, with a link between them that a test may hold."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.waiting import wait_until


class Pair:
    def __init__(self, primary: PrivateStore, replica: PrivateStore, link: Proxy) -> None:
        self.primary = primary
        self.replica = replica
        self.link = link

    def promote(self) -> None:
        """The primary is lost, and the replica takes its place with what it has."""
        self.primary.kill()
        with self.replica.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")

    async def is_followed(self) -> None:
        # In a thread: the link is a proxy of this loop.
        has = partial(asyncio.to_thread, self._has_it_all)
        await wait_until(has, "the replica has all", seconds=20)

    def _has_it_all(self) -> bool:
        with self.primary.client() as client:
            client.set("here", "", px=60_000)
            return bool(client.execute_command("WAIT", 1, 100))


@contextlib.asynccontextmanager
async def replicated(server: Path | None = None) -> AsyncIterator[Pair]:
    """Both have the embedded store's options."""
    primary, replica = PrivateStore(server), PrivateStore(server)
    try:
        await asyncio.to_thread(primary.start)
        with primary.client() as client:
            client.config_set("repl-diskless-sync-delay", "0")
        async with Proxy(primary.socket) as link:
            host, port = link.url.removeprefix("redis://").split(":")
            replica.options += ["--replicaof", f"{host} {port}"]
            await asyncio.to_thread(replica.start)
            made = Pair(primary, replica, link)
            await made.is_followed()
            yield made
    finally:
        for each in (primary, replica):
            each.remove()
