"""Following one log: plain XREAD from a concrete id on a connection of its own, never `$`."""

import msgspec
from redis.exceptions import ResponseError

from messenger.clock import StoreClock
from messenger.connection import BLOCK_MS, Store
from messenger.entries import START, Entry, EntryId, read_entry
from messenger.keys import Keys

# Past this, longer reads gain nothing (docs/performance.md).
_COUNT = 1_000


class Read(msgspec.Struct, frozen=True):
    """What one look at the log gave.

    `epoch` is '' while the log is not there. Up to `swept_to` short-lived messages may have expired,
    up to `trimmed_to` messages were cut before their time.
    """

    entries: list[Entry]
    epoch: str
    swept_to: EntryId
    trimmed_to: EntryId
    window: int


class Tail:
    """Reads on from `position`; `clock` is kept true by every look."""

    def __init__(
        self, store: Store, keys: Keys, clock: StoreClock, position: EntryId = START
    ) -> None:
        self._client = store.reader()
        self._keys = keys
        self._clock = clock
        self.position = position

    async def read(self, block_ms: int | None = BLOCK_MS) -> Read:
        """The entries after `position`, as soon as there are any, and the facts of that moment;
        with `block_ms` None what there is now.

        One round trip: the store answers TIME and the facts right after the read that blocked.
        """
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xread({self._keys.log: str(self.position)}, count=_COUNT, block=block_ms)
        pipeline.time()
        pipeline.hmget(self._keys.meta, "epoch", "swept_to", "trimmed_to", "window")
        streams, (seconds, micros), facts = await pipeline.execute(raise_on_error=False)
        self._clock.look(seconds * 1_000 + micros / 1_000)
        raw = _entries(streams)
        if raw:
            self.position = EntryId.parse(raw[-1][0].decode())
        epoch, swept_to, trimmed_to, window = facts
        return Read(
            entries=[read_entry(entry) for entry in raw],
            epoch=epoch.decode() if epoch else "",
            swept_to=EntryId.parse(swept_to.decode()) if swept_to else START,
            trimmed_to=EntryId.parse(trimmed_to.decode()) if trimmed_to else START,
            window=int(window or 0),
        )

    async def close(self) -> None:
        """Lets go of the connection, and so of a read that still blocks on it."""
        await self._client.connection_pool.disconnect()


def _entries(streams: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """XREAD's reply. A log deleted under a blocked reader answers UNBLOCKED: the facts tell of it."""
    if isinstance(streams, ResponseError) and str(streams).startswith("UNBLOCKED"):
        return []
    if isinstance(streams, BaseException):
        raise streams
    return next(iter(streams.values()), []) if isinstance(streams, dict) else []
