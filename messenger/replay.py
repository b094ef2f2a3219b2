"""Replay: what a span of the log holds, in its order, at once or at the pace at which it came.

Nothing is given that has expired, by the store's clock of the moment in which it is given, nor what
was erased up to half a second before it.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from messenger import pages
from messenger.clock import StoreClock
from messenger.entries import Entry, EntryId
from messenger.events import MessageErased, MessagePosted
from messenger.keys import partition_of
from messenger.log import Logs
from messenger.loops import Stopped, patiently, pause
from messenger.pace import Pace
from messenger.pages import Merged
from messenger.replies import Reply
from messenger.span import Span

# For how long a store that went away is waited for.
PATIENCE_S = 60.0
# What was read so long ago is asked for again before it is given: it may have been erased.
_FRESH_S = 0.5


class Sink(Protocol):
    """Where a replay goes."""

    async def write(self, entries: list[Entry]) -> int:
        """Takes entries; how many bytes of lines they were. Raises Stopped if it must wait and the
        stop comes meanwhile."""
        ...


class Tally(msgspec.Struct):
    """What became of the entries so far; `bytes` are those of their lines. `foreign` are of a type
    that we do not know, or break the contract."""

    entries: int = 0
    bytes: int = 0
    expired: int = 0
    foreign: int = 0
    first: EntryId | None = None
    last: EntryId | None = None


class Replay:
    """One run over a span. `position`: up to here all was given, or was not to be; `is_whole`: that
    is the end of the span."""

    def __init__(
        self,
        logs: Logs,
        span: Span,
        speed: float | None,
        already: tuple[EntryId, str] | None = None,
    ) -> None:
        """`already`: the id and the room of the last entry that an earlier run gave."""
        self.span = span
        self.tally = Tally()
        self.position = already[0] if already else span.after
        self.is_whole = False
        self.clock = StoreClock()
        self._chosen = logs.all if span.room is None else [logs.of(span.room)]
        self._pace = Pace(speed)
        self._is_reread = False
        begin = [_begin(each.keys.partition, len(logs.all), span, already) for each in self._chosen]
        self._entries = Merged(self._chosen, self.clock, begin, span.until)

    async def extent(self) -> tuple[EntryId, EntryId] | None:
        """The first and the last id that the span has now; None where it has none."""
        found: list[Reply] = []
        low, high = f"({self.span.after}", str(self.span.until)
        for each in self._chosen:
            key, pipe = each.keys.log, each.store.pipe
            found += await pipe.call("XRANGE", key, low, high, "COUNT", 1)
            found += await pipe.call("XREVRANGE", key, high, low, "COUNT", 1)
        ids = [EntryId.read(raw[0]) for raw in found]
        return (min(ids), max(ids)) if ids else None

    async def run(self, sink: Sink, stop: asyncio.Event) -> None:
        """Gives the sink all that there is, or what there is up to the stop. A store that goes away is
        waited for, for a minute; raises LogReset where it comes back with another log."""
        try:
            while entries := await self._next(stop):
                await self._give(entries, sink, stop)
            self.is_whole = not stop.is_set()
        except Stopped:
            pass
        finally:
            await self._entries.close()

    async def _next(self, stop: asyncio.Event) -> list[Entry]:
        return await patiently(stop, "replay", self._entries.next, for_s=PATIENCE_S)

    async def _give(self, entries: list[Entry], sink: Sink, stop: asyncio.Event) -> None:
        """Gives entries as they come due. Where they have become too old to be given unasked it goes
        back: the rest is read again. What was just read again is given in any case."""
        at, is_fresh = 0, self._is_reread or self._is_fresh()
        self._is_reread = False
        while at < len(entries) and not stop.is_set():
            end = self._pace.due(entries, at)
            if not is_fresh:
                self._entries.rewind(self.position)
                self._is_reread = True
                return
            if end > at:
                await self._write(entries[at:end], sink)
                at = end
            else:
                await pause(stop, self._pace.wait_s(entries[at]))
            is_fresh = self._is_fresh()

    def _is_fresh(self) -> bool:
        return asyncio.get_running_loop().time() - self._entries.read_at < _FRESH_S

    async def _write(self, entries: list[Entry], sink: Sink) -> None:
        living, tally = self._living(entries), self.tally
        if living:
            tally.bytes += await sink.write(living)
            tally.entries += len(living)
            tally.first = tally.first or living[0].id
            tally.last = living[-1].id
        self.position = entries[-1].id

    def _living(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that are to be given now; the others are counted."""
        now, room, living = self.clock.now(), self.span.room, []
        for entry in entries:
            event = entry.event
            if isinstance(event, MessagePosted):
                if room is not None and event.room != room:
                    continue
                if entry.id.ms + event.ttl > now:
                    living.append(entry)
                else:
                    self.tally.expired += 1
            elif not isinstance(event, MessageErased):
                self.tally.foreign += 1
            elif room is None or event.room == room:
                living.append(entry)
        return living


def _begin(
    partition: int, partitions: int, span: Span, already: tuple[EntryId, str] | None
) -> EntryId:
    """After which id a log is read. Of equal ids the lower partition's come first, so a log after the
    one of the entry that was given last may have its id, too."""
    if already is None:
        return span.after
    last, room = already
    is_done = partition <= partition_of(room, partitions)
    return max(span.after, last if is_done else pages.before(last))
