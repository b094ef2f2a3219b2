"""The entries between two ids, of one log or of several as one: a page at a time, the next asked for
while this one is worked on. So a replay of any length takes the same memory."""

import asyncio
import bisect
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from messenger.clock import StoreClock, ms_of
from messenger.entries import START, Entry, EntryId, read_entry
from messenger.errors import LogReset
from messenger.log import Log
from messenger.loops import look_at
from messenger.partitions import require_whole
from messenger.replies import Reply

# A hundred costs a third more; above a thousand nothing is gained. Several logs share it.
_COUNT = 1_000
_LEAST = 20
_LAST = 2**64 - 1


class _Page(NamedTuple):
    """As the store sent it; `read_at` is by the event loop's clock."""

    raw: list[Reply]
    is_last: bool
    read_at: float


_Read = Callable[[Log, EntryId], Awaitable[_Page]]


class _Pages:
    """One log's pages, read by `read`. What was asked for ahead is let go of by `rewind`."""

    def __init__(self, log: Log, after: EntryId, read: _Read) -> None:
        self.log = log
        self._read = read
        self._start = after
        self._asked: asyncio.Task[_Page] | None = None
        self.rewind(after)

    def rewind(self, after: EntryId) -> None:
        """Goes on after an id, with what the store has then."""
        self.close()
        self._after = max(after, self._start)
        self.is_over = False
        self.entries: list[Entry] = []
        self.read_at = 0.0

    def ask(self) -> None:
        if not self.entries and not self.is_over and self._asked is None:
            self._asked = asyncio.ensure_future(self._read(self.log, self._after))
            self._asked.add_done_callback(look_at)

    async def fill(self) -> None:
        """Has `entries`, unless the end was reached; the page after them is then under way."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        page = await asked
        self.is_over, self.read_at = page.is_last, page.read_at
        if page.raw:
            # First the next page's id, so that it is on its way while this one is decoded.
            self._after = EntryId.read(page.raw[-1][0])
            self.ask()
            self.entries = [read_entry(raw) for raw in page.raw]

    def close(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None


class Merged:
    """Several logs' entries in the order of their ids; of equal ids the lower partition's first."""

    def __init__(
        self, logs: Sequence[Log], clock: StoreClock, begin: Sequence[EntryId], until: EntryId
    ) -> None:
        # Connections of its own: what is large must not stand before what is quick.
        self._pipes = {store: store.reader() for store in {log.store for log in logs}}
        self._clock = clock
        self._until = str(until)
        self._count = max(_LEAST, _COUNT // len(logs))
        # As of now: others may take in a new history through the same log.
        self._epochs = {log: log.facts.epoch.encode() for log in logs if log.facts}
        self._pages = [
            _Pages(log, after, self._read) for log, after in zip(logs, begin, strict=True)
        ]
        self.read_at = 0.0

    async def next(self) -> list[Entry]:
        """The next entries, up to an id that every log has been read to, so that equal ids are never
        parted; none at the end. `read_at` is when the oldest of them was read.

        Raises LogReset where the log that was asked for is no more, Repartitioned where some of it is
        elsewhere by now, and what a pipe raises when the
        store is away; it may be called again then.
        """
        for pages in self._pages:
            pages.ask()
        for pages in self._pages:
            await pages.fill()
        full = [pages for pages in self._pages if pages.entries]
        self.read_at = min((pages.read_at for pages in full), default=0.0)
        bound = min((pages.entries[-1].id for pages in full if not pages.is_over), default=None)
        taken = [_take(pages, bound) for pages in full]
        if len(taken) == 1:
            return taken[0]
        # Stable: equal ids stay in the order of their partitions.
        return sorted((entry for each in taken for entry in each), key=_id_of)

    def rewind(self, after: EntryId) -> None:
        """Lets go of what was read and goes on after an id, with what the store has then."""
        for pages in self._pages:
            pages.rewind(after)

    async def close(self) -> None:
        for pages in self._pages:
            pages.close()
        for pipe in self._pipes.values():
            await pipe.close()

    async def _read(self, log: Log, after: EntryId) -> _Page:
        low = "-" if after == START else f"({after}"
        raw, time, epoch, partitions = await self._pipes[log.store].once(
            ("XRANGE", log.keys.log, low, self._until, "COUNT", self._count),
            ("TIME",),
            ("HGET", log.keys.meta, "epoch"),
            ("HGET", log.keys.meta, "partitions"),
        )
        self._clock.look(ms_of(time))
        if epoch != self._epochs[log]:
            raise LogReset("the log began anew meanwhile: its earlier entries are no more")
        require_whole(log.partitions, partitions)
        is_last = len(raw) < self._count
        return _Page(raw, is_last, asyncio.get_running_loop().time())


def _take(pages: _Pages, bound: EntryId | None) -> list[Entry]:
    """Takes what is not after the bound."""
    entries = pages.entries
    end = len(entries) if bound is None else bisect.bisect_right(entries, bound, key=_id_of)
    taken, pages.entries = (entries, []) if end == len(entries) else (entries[:end], entries[end:])
    return taken


def _id_of(entry: Entry) -> EntryId:
    return entry.id


def before(entry_id: EntryId) -> EntryId:
    """The last id before another: reading after it includes that one."""
    if entry_id.seq:
        return EntryId(entry_id.ms, entry_id.seq - 1)
    return EntryId(max(entry_id.ms - 1, 0), _LAST if entry_id.ms else 0)
