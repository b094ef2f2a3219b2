"""The ways to speak to a store. Each use has its own connections, so that none waits for another."""

from functools import cached_property
from types import TracebackType

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from messenger.address import Address, is_of_cluster, is_of_sentinels, parse_group
from messenger.cluster import Cluster
from messenger.confirmed import Confirmed
from messenger.pipe import Pipe
from messenger.scripts import Script, guarded
from messenger.sentinels import Sentinels
from messenger.where import Fixed, Server, Where

Client = Redis

# Commands answer within this or the store is taken for away (reliability: requests end in 3 s).
ANSWER_S = 2.0
CONNECT_S = 1.0
# A blocked read comes back empty after this; its socket waits a little longer than that.
BLOCK_MS = 2_000
_BLOCK_MARGIN_S = 2.0
_CONNECTIONS = 8


class Store:
    """A store by its URL: `pipe` for the hot paths, `reader()` to block on, `client` for the rest of a
    store of one server. Of a cluster each partition has a store of its own, `of(partition)`; what is
    asked of the whole is asked of the first partition's server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cluster = Cluster(parse_group(url).asked) if is_of_cluster(url) else None
        self._sentinels = Sentinels(parse_group(url)) if is_of_sentinels(url) else None
        self._parts: dict[int, Store] = {}
        if self._cluster is not None:
            self._where: Where = self._cluster.where(0)
            self.pipe: Pipe = self._cluster.pipe(0)
        else:
            self._where = self._sentinels or Fixed(Address.parse(url))
            self.pipe = Pipe(self._where)
        # To single servers, and those of their own.
        self._pipes: dict[str, Pipe] = {}
        self._readers: list[Pipe] = []
        self._confirmed: dict[tuple[str, int], Confirmed] = {}

    @property
    def is_cluster(self) -> bool:
        return self._cluster is not None

    @property
    def address(self) -> Address:
        """How the store's servers are greeted."""
        is_one = self._cluster is None and self._sentinels is None
        return Address.parse(self.url) if is_one else parse_group(self.url).store

    @cached_property
    def client(self) -> Client:
        return _client(self.url)

    def of(self, partition: int) -> "Store":
        """The store as one partition needs it."""
        if self._cluster is None:
            return self
        if partition not in self._parts:
            self._parts[partition] = _Part(self, self._cluster, partition)
        return self._parts[partition]

    def reader(self) -> Pipe:
        """A pipe of its own, for reads that block up to BLOCK_MS: others would wait behind them."""
        reader = Pipe(self._where, silence_s=BLOCK_MS / 1_000 + _BLOCK_MARGIN_S)
        self._readers = [*(each for each in self._readers if not each.is_closed), reader]
        return reader

    def confirmed(self, mark: str, replicas: int) -> Confirmed:
        """A pipe of its own for writes that so many replicas must have; `mark` is a key for its use."""
        # The same for the same use: logs are made anew when the store gets more partitions.
        use = mark, replicas
        if use not in self._confirmed:
            self._confirmed[use] = Confirmed(Pipe(self._where), self._guarded, mark, replicas)
        return self._confirmed[use]

    def _guarded(self, script: Script) -> Script:
        """A script as a store of this kind is given it."""
        return script

    async def servers(self) -> list[Server]:
        """Every server of the store, the primaries first. Raises StoreUnavailable."""
        if self._cluster is not None:
            return (await self._cluster.topology()).servers()
        if self._sentinels is not None:
            return await self._sentinels.servers()
        return [Server(await self._where.find())]

    def on(self, server: Server) -> Pipe:
        """The way to one of the servers, whatever it has or is."""
        if self._cluster is not None:
            return self._cluster.pipe_to(server.address)
        if server.is_primary:
            return self.pipe
        name = server.address.name
        return self._pipes.setdefault(name, Pipe(Fixed(server.address)))

    async def close(self) -> None:
        for each in self._confirmed.values():
            await each.close()
        for pipe in (self.pipe, *self._pipes.values(), *self._readers):
            await pipe.close()
        for part in self._parts.values():
            await part.close()
        if self._cluster is not None:
            await self._cluster.close()
        if "client" in self.__dict__:
            await self.client.aclose(close_connection_pool=True)

    async def __aenter__(self) -> "Store":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _Part(Store):
    """A cluster as one partition needs it. Its pipe shares a connection with the other partitions of
    its server; a read that blocks needs one of its own."""

    def __init__(self, whole: Store, cluster: Cluster, partition: int) -> None:
        self.url = whole.url
        self._whole = whole
        self._cluster, self._sentinels = None, None
        self._parts, self._pipes, self._readers, self._confirmed = {}, {}, [], {}
        self._where = cluster.where(partition)
        self.pipe = cluster.pipe(partition)

    def of(self, partition: int) -> Store:
        return self._whole.of(partition)

    def _guarded(self, script: Script) -> Script:
        return guarded(script)

    async def servers(self) -> list[Server]:
        return await self._whole.servers()

    def on(self, server: Server) -> Pipe:
        return self._whole.on(server)


def _client(url: str) -> Client:
    """A client without redis-py's own retries, which repeat writes. Its guard against replies left
    unread on a pooled connection works only with maintenance notifications off."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=ANSWER_S,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=CONNECT_S,
        retry=Retry(NoBackoff(), 0),
        legacy_responses=False,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)
