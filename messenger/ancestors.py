"""Where a partition's rooms were before a repartition.

Messages move with their rooms. What only lets one be known again, the memory of a post's key and the
mark of a copy, stays where it was made until it dies by itself; so for a window it is asked for there
first. Nothing comes in there any more for these rooms, so what is not known there never will be.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from messenger.clock import ms_of
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.keys import Keys
from messenger.replies import Reply


class Ancestor(NamedTuple):
    """A partition that had the rooms, and until when it may know what came in them (ms)."""

    partition: int
    until: int


def read(raw: bytes) -> list[Ancestor]:
    """Reads what the meta has: `<partition>:<until>`, with spaces between; the last one first."""
    pairs = (each.split(b":") for each in raw.split())
    return [Ancestor(int(partition), int(until)) for partition, until in pairs]


def write(ancestors: Sequence[Ancestor]) -> str:
    return " ".join(f"{each.partition}:{each.until}" for each in ancestors)


class Ancestors:
    """`store` and `keys` are the partition's own."""

    def __init__(self, store: Store, keys: Keys, raw: bytes, window: int) -> None:
        self._store = store
        self._keys = keys
        self._partitions = [each.partition for each in read(raw)]
        # They were cut off no later than now.
        self._until = asyncio.get_running_loop().time() + window / 1_000

    def __bool__(self) -> bool:
        return bool(self._partitions) and asyncio.get_running_loop().time() < self._until

    async def seen(self, room: str, key: str, fingerprint: str) -> Reply:
        """What append.lua would say there of a key that was seen: as it says it; None for one that
        was not."""
        for partition in self._partitions:
            pipe = self._store.of(partition).pipe
            raw = await pipe.call("GET", Keys(partition).sent(room, key))
            if raw is None:
                continue
            entry_id, ttl, its = raw.split(b" ", 2)
            if not await self._is_cut(entry_id):
                if its.decode() != fingerprint:
                    return [b"reused"]
                now = int(ms_of(await self._store.pipe.call("TIME")))
                return [b"seen", entry_id, now, int(ttl)]
        return None

    async def _is_cut(self, entry_id: bytes) -> bool:
        """A message that was cut early lives no more, and its key is free."""
        cut = await self._store.pipe.call("HGET", self._keys.meta, "trimmed_to")
        return cut is not None and EntryId.read(entry_id) <= EntryId.read(cut)

    async def copies(self, those: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Of another store's entries, by their history's epoch and their ids, those that were copied
        there (copy.lua), and to which ids."""
        found: dict[tuple[str, str], bytes] = {}
        for partition in self._partitions:
            keys, pipe = Keys(partition), self._store.of(partition).pipe
            marks = (pipe.call("GET", keys.copied(*each)) for each in those)
            for each, mark in zip(those, await asyncio.gather(*marks), strict=True):
                if mark is not None:
                    found[each] = mark
        return found

    async def word(self, message: EntryId) -> Reply:
        """Why a message is gone, if the view says so that it was in: `erased` or `expired`; or None."""
        for partition in self._partitions:
            keys, pipe = Keys(partition), self._store.of(partition).pipe
            generation = await pipe.call("HGET", keys.meta, "view")
            row = keys.view((generation or b"").decode()).message(str(message))
            word = await pipe.call("GET", row)
            if word in (b"erased", b"expired"):
                return word
        return None
