"""Following one log: plain XREAD from a concrete id on a connection of its own, never `$`."""

import asyncio

import msgspec

from messenger.clock import StoreClock, ms_of
from messenger.connection import BLOCK_MS, Store
from messenger.entries import START, Entry, EntryId, read_entry
from messenger.keys import Keys
from messenger.loops import look_at
from messenger.replies import Rejected, Reply

# Longer reads gain nothing; of 100, a third is lost.
_COUNT = 1_000


class Read(msgspec.Struct, frozen=True):
    """What one look at the log gave.

    `at` is when that was, in ms by the store's clock. `epoch` is '' while the log is not there. Up to
    `swept_to` short-lived messages may have expired, up to `trimmed_to` messages were cut before their
    time. `is_whole` is whether there were no more entries than these. `partitions` is how many the store
    has.
    """

    entries: list[Entry]
    epoch: str
    swept_to: EntryId
    trimmed_to: EntryId
    window: int
    at: int = 0
    is_whole: bool = True
    partitions: int = 0


class Tail:
    """Reads on from `position`, which may be moved on at any time. Every look keeps `clock` true."""

    def __init__(
        self, store: Store, keys: Keys, clock: StoreClock, position: EntryId = START
    ) -> None:
        self._pipe = store.reader()
        self._keys = keys
        self._clock = clock
        self.position = position
        self._ahead: tuple[EntryId, asyncio.Task[list[Reply]]] | None = None

    async def read(self, block_ms: int | None = BLOCK_MS) -> Read:
        """The entries after `position`, as soon as there are any, and the facts of that moment;
        with `block_ms` None what there is now, and the next are asked for while these are decoded.

        One round trip: the store answers TIME and the facts right after the read that blocked.
        """
        try:
            streams, time, facts = await self._replies(block_ms)
        except Rejected as error:
            # A log deleted under a blocked reader: the next look finds no epoch.
            if not str(error).startswith("UNBLOCKED"):
                raise
            return Read([], "", START, START, 0)
        at = ms_of(time)
        self._clock.look(at)
        raws = streams[0][1] if streams else []
        is_whole = len(raws) < _COUNT
        raws = self._after_position(raws)
        if raws:
            self.position = EntryId.read(raws[-1][0])
        if block_ms is None and not is_whole:
            self._ask_ahead()
        entries = [read_entry(raw) for raw in raws]
        epoch, swept_to, trimmed_to, window, partitions = facts
        return Read(
            entries=entries,
            epoch=epoch.decode() if epoch else "",
            swept_to=EntryId.read(swept_to) if swept_to else START,
            trimmed_to=EntryId.read(trimmed_to) if trimmed_to else START,
            window=int(window or 0),
            at=int(at),
            is_whole=is_whole,
            partitions=int(partitions or 0),
        )

    def _after_position(self, raws: list[Reply]) -> list[Reply]:
        """Without what somebody has moved past since it was asked for: an entry that is not needed is
        not decoded."""
        if not raws or EntryId.read(raws[0][0]) > self.position:
            return raws
        first = len(raws)
        while EntryId.read(raws[first - 1][0]) > self.position:
            first -= 1
        return raws[first:]

    async def close(self) -> None:
        """Lets go of the connection, and so of a read that still blocks on it."""
        await self._pipe.close()

    async def _replies(self, block_ms: int | None) -> list[Reply]:
        ahead, self._ahead = self._ahead, None
        # Whoever has moved the tail since asks for something else.
        if ahead is not None and ahead[0] == self.position:
            return await ahead[1]
        return await self._ask(block_ms)

    def _ask_ahead(self) -> None:
        task = asyncio.ensure_future(self._ask(None))
        task.add_done_callback(look_at)
        self._ahead = self.position, task

    async def _ask(self, block_ms: int | None) -> list[Reply]:
        block = () if block_ms is None else ("BLOCK", block_ms)
        return await self._pipe.once(
            ("XREAD", "COUNT", _COUNT, *block, "STREAMS", self._keys.log, str(self.position)),
            ("TIME",),
            ("HMGET", self._keys.meta, "epoch", "swept_to", "trimmed_to", "window", "partitions"),
        )
