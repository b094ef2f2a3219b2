"""How many partitions a store has: its own number, which a repartition changes. The setting is for a
store that nobody has used yet."""

import msgspec

from messenger.clock import ms_of
from messenger.connection import Store
from messenger.errors import Repartitioned
from messenger.keys import Keys
from messenger.settings import Settings


async def count(store: Store) -> int | None:
    """How many a store has; None for one that nobody has used."""
    raw = await store.pipe.call("HGET", Keys(0).meta, "partitions")
    return None if raw is None else int(raw)


async def standing(store: Store) -> int | None:
    """How many a store has; None while that changes."""
    found, fence = await store.pipe.call("HMGET", Keys(0).meta, "partitions", "fence")
    if found is None or (fence and int(fence) > int(ms_of(await store.pipe.call("TIME")))):
        return None
    return int(found)


def require_whole(known: int, told: bytes | None) -> None:
    """For who reads a log page by page and is told, after each, how many partitions there are: raises
    Repartitioned where some of what was in it may be in another by now."""
    if told != b"%d" % known:
        raise Repartitioned("the store got more partitions meanwhile; begin again")


async def in_force(store: Store, settings: Settings) -> Settings:
    """The settings with the store's own number."""
    found = await count(store)
    return settings if found is None else msgspec.structs.replace(settings, partitions=found)
