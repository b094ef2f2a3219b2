"""What the tests' store is: `pytest --store cluster` runs the same tests on another kind.

A cluster or a group with sentinels looks to a test as one store does: its URL leads to the whole, and
what is done to the store past the messenger, or to its process, is done to the server that has the
first partition.
"""

from pathlib import Path
from typing import Any

import redis

from messenger.cluster import slot_of
from tests.installed import installed
from tests.private_cluster import PrivateCluster
from tests.private_sentinels import PrivateSentinels
from tests.private_store import PrivateStore

KINDS = ("valkey", "redis", "cluster", "sentinel")


class InCluster:
    """A cluster; `has_replicas` is for a store that nobody kills: a replica would take over."""

    def __init__(self, *, has_replicas: bool = False, **given: str) -> None:
        self.whole = PrivateCluster(replicas=int(has_replicas), **given)
        self.url = self.whole.url
        self.home = self._home_of(0)
        self._is_formed = False

    def start(self) -> None:
        if self._is_formed:
            self.home.start()
            self.whole.wait_ready()
        else:
            self.whole.start()
            self._is_formed = True

    def remove(self) -> None:
        self.whole.remove()

    def client(self, partition: int = 0) -> redis.Redis:
        return self._home_of(partition).client()

    def servers(self) -> list[PrivateStore]:
        return list(self.whole.nodes)

    def _home_of(self, partition: int) -> PrivateStore:
        """No slot moves in these tests, and no server fails but the first partition's."""
        for number, node in enumerate(self.whole.nodes[: self.whole.primaries]):
            first, last = self.whole.slots_of(number)
            if first <= slot_of(partition) <= last:
                return node
        raise AssertionError(partition)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.home, name)


class WithSentinels:
    """A primary that three sentinels watch."""

    def __init__(self, *, has_replicas: bool = False, **given: str) -> None:
        self.whole = PrivateSentinels(replicas=2 if has_replicas else 0, **given)
        self.url = self.whole.url
        self.home = self.whole.stores[0]
        self._is_formed = False

    def start(self) -> None:
        if self._is_formed:
            self.home.start()
        else:
            self.whole.start()
            self._is_formed = True

    def remove(self) -> None:
        self.whole.remove()

    def servers(self) -> list[PrivateStore]:
        return list(self.whole.stores)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.home, name)


def make_store(kind: str, *, has_replicas: bool = False, **given: str) -> Any:
    """A store of one of the kinds, not yet started."""
    if kind == "cluster":
        return InCluster(has_replicas=has_replicas, **given)
    if kind == "sentinel":
        return WithSentinels(has_replicas=has_replicas, **given)
    return PrivateStore(Path(installed("redis-server")) if kind == "redis" else None, **given)


def wait_healed(store: Any) -> None:
    """After a server was frozen: those of a cluster agree only a moment later that all are there, and
    until then they refuse everything."""
    if isinstance(store, InCluster):
        store.whole.wait_ready()


def servers_of(store: Any) -> list[PrivateStore]:
    """All the servers of a store."""
    return store.servers() if isinstance(store, InCluster | WithSentinels) else [store]
