"""The ways to speak to a store. Each use has its own connections, so that none waits for another."""

from types import TracebackType

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from messenger.pipe import Pipe

Client = Redis

# Commands answer within this or the store is taken for away (reliability: requests end in 3 s).
ANSWER_S = 2.0
CONNECT_S = 1.0
# A blocked read comes back empty after this; its socket waits a little longer than that.
BLOCK_MS = 2_000
_BLOCK_MARGIN_S = 2.0
_CONNECTIONS = 8


class Store:
    """A store by its URL: `pipe` for the hot paths, `client` for the rest, `reader()` to block on."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pipe = Pipe(url)
        self.client = _client(url)
        self._readers: list[Pipe] = []

    def reader(self) -> Pipe:
        """A pipe of its own, for reads that block up to BLOCK_MS: others would wait behind them."""
        reader = Pipe(self.url, silence_s=BLOCK_MS / 1_000 + _BLOCK_MARGIN_S)
        self._readers.append(reader)
        return reader

    async def close(self) -> None:
        for pipe in (self.pipe, *self._readers):
            await pipe.close()
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
