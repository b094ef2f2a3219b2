"""What every test stands on: a real store of its own, emptied for each test, and checked after it."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
import redis

from messenger.connection import Store
from messenger.keys import PREFIX
from messenger.log import Log, Logs
from messenger.settings import PREFIX as VARIABLES
from messenger.settings import Settings, load
from tests.commands import Commands
from tests.installed import installed
from tests.private_cluster import PrivateCluster, wait_for
from tests.private_sentinels import PrivateSentinels
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.stores import KINDS, make_store, servers_of
from tests.users import refused


class HasUrl(Protocol):
    """A store, a cluster or a group with sentinels."""

    url: str


# What may stay: keys.py says why. Every other key must die by itself.
_PERMANENT = ("log", "meta", "secret", "expiring")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store",
        choices=KINDS,
        default=KINDS[0],
        help="what the tests' store is (tests/stores.py)",
    )


@pytest.fixture(scope="session")
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--store"))


@pytest.fixture(scope="session")
def _shared_store(store_kind: str) -> Iterator[PrivateStore]:
    private = make_store(store_kind, has_replicas=True)
    private.start()
    yield private
    private.remove()


@pytest.fixture
def private_store(_shared_store: PrivateStore) -> Iterator[PrivateStore]:
    """The session's store, empty. After the test no key may be left that never dies, and no user of
    ours may have been refused: what our code sends it has a right to (messenger/roles.py)."""
    for server in servers_of(_shared_store):
        empty(server)
    yield _shared_store
    for server in servers_of(_shared_store):
        check(server)


def empty(server: PrivateStore) -> None:
    with server.client() as client:
        if client.info("replication")["role"] == "master":
            client.flushall()
        client.script_flush()
        client.acl_log_reset()


def check(server: PrivateStore) -> None:
    with server.client() as client:
        assert refused(client) == []
        if client.info("replication")["role"] == "master":
            check_lives(client)


def check_lives(client: redis.Redis) -> None:
    """That no key is left which never dies, but for those that may stay."""
    keys = list(client.scan_iter(count=10_000))
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.ttl(key)
        lives = pipeline.execute()
    left = [key.decode() for key, life in zip(keys, lives, strict=True) if life == -1]
    for key in left:
        name = key.removeprefix(PREFIX).partition(":")[2]
        assert name in _PERMANENT, f"{key} never dies"


@pytest.fixture(scope="session")
def _shared_cluster() -> Iterator[PrivateCluster]:
    private = PrivateCluster()
    private.start()
    yield private
    private.remove()


@pytest.fixture
def cluster(_shared_cluster: PrivateCluster) -> Iterator[PrivateCluster]:
    """The session's cluster, empty; checked after the test as the session's store is."""
    # On a machine that has much to do a replica may take over unasked, also right now.
    wait_for(lambda: _emptied(_shared_cluster), "the cluster is as at the start, and empty", 60)
    yield _shared_cluster
    for node in _shared_cluster.nodes:
        check(node)


def _emptied(cluster: PrivateCluster) -> bool:
    cluster.restore()
    for node in cluster.nodes:
        empty(node)
    return True


@pytest.fixture
def sentinel_group() -> Iterator[PrivateSentinels]:
    """A primary with two replicas that three sentinels watch, the test's own."""
    made = PrivateSentinels()
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def own_cluster() -> Iterator[Callable[..., PrivateCluster]]:
    """Makes clusters whose servers a test may kill, freeze or cut off."""
    made: list[PrivateCluster] = []

    def make(server: Path | None = None, **given: str) -> PrivateCluster:
        private = PrivateCluster(server, **given)
        made.append(private)
        private.start()
        return private

    yield make
    for private in made:
        private.remove()


@pytest.fixture(scope="session", params=["valkey", "redis"])
def _stores_of_each_kind(request: pytest.FixtureRequest) -> Iterator[PrivateStore]:
    is_ours = request.param == "valkey"
    private = PrivateStore(None if is_ours else Path(installed("redis-server")))
    private.start()
    yield private
    private.remove()


@pytest.fixture
def any_store(_stores_of_each_kind: PrivateStore) -> PrivateStore:
    """The embedded store, and Debian's Redis 7.0: the newest and the oldest that we take; empty."""
    with _stores_of_each_kind.client() as client:
        client.flushall()
        client.acl_log_reset()
    return _stores_of_each_kind


@pytest.fixture
def own_store(store_kind: str) -> Iterator[Callable[..., PrivateStore]]:
    """Makes stores that a test may kill, freeze or fill."""
    made: list[PrivateStore] = []

    def make(**given: str) -> PrivateStore:
        private: PrivateStore = make_store(store_kind, **given)
        made.append(private)
        private.start()
        return private

    yield make
    for private in made:
        private.remove()


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings as given, on a free port, with posting unlimited."""

    def make(**given: str) -> Settings:
        return load(
            {"port": "0", "post_rate": "off", "room_rate": "off", "new_room_rate": "off", **given}
        )

    return make


@pytest.fixture
async def store(private_store: PrivateStore) -> AsyncIterator[Store]:
    async with Store(private_store.url) as opened:
        yield opened


@pytest.fixture
async def logs(store: Store, settings: Callable[..., Settings]) -> Logs:
    found = Logs(store, settings())
    await found.settle()
    return found


@pytest.fixture
def log(logs: Logs) -> Log:
    return logs.all[0]


@pytest.fixture
async def run_messenger(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> AsyncIterator[Callable[..., object]]:
    """Starts messengers on the test's store, with the settings given; all end with the test."""
    async with AsyncExitStack() as stack:

        async def run(
            on: HasUrl | None = None, with_worker: bool = True, **given: str
        ) -> Messenger:
            url = (on or private_store).url
            running = serving(url, settings(**given), with_worker=with_worker)
            return await stack.enter_async_context(running)

        yield run


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web process remembers the least of each room."""
    monkeypatch.setattr("web.remembered.BUDGET_BYTES", 0)


@pytest.fixture
async def messenger(run_messenger: Callable[..., object]) -> Messenger:
    return await run_messenger()  # type: ignore[misc, no-any-return]


@pytest.fixture
async def commands(private_store: PrivateStore) -> AsyncIterator[Commands]:
    """Commands on the test's store."""
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


@pytest.fixture
async def own_commands() -> AsyncIterator[Commands]:
    """The command line on a data folder of its own; whatever it started is ended."""
    async with Commands() as made:
        yield made
