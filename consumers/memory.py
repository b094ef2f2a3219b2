"""How full the store is, by its own measure: the one by which it refuses what takes memory."""

from collections.abc import Mapping

import msgspec

from messenger.connection import Store
from messenger.replies import info


class Memory(msgspec.Struct, frozen=True):
    """Bytes. `limit` is 0 where there is none. What the store does not count against its limit, such
    as what waits to be written to its file, is not in `used`; `empty` is what it takes with nothing in
    it."""

    used: int
    limit: int
    empty: int = 0

    @property
    def fullness(self) -> float:
        """Over 1 it is full."""
        return self.used / self.limit if self.limit else 0.0

    @property
    def is_full(self) -> bool:
        return self.fullness > 1

    def exceeds(self, share: float) -> bool:
        """Whether more than this share of the limit is used."""
        return self.fullness > share


async def read_memory(store: Store) -> Memory:
    return memory_of(info(await store.pipe.call("INFO", "memory")))


def memory_of(told: Mapping[str, str]) -> Memory:
    """The same of what INFO has told."""
    return Memory(
        used=int(told["used_memory"]) - int(told["mem_not_counted_for_evict"]),
        limit=int(told["maxmemory"]),
        empty=int(told["used_memory_startup"]),
    )
