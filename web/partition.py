"""One partition of the feed: one tail, decoding each entry once, and the rooms it fills."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any

from messenger.clock import StoreClock
from messenger.connection import BLOCK_MS
from messenger.entries import START, Entry, EntryId
from messenger.errors import Repartitioning, StoreUnavailable
from messenger.log import REPARTITIONING, Fresh, Log
from messenger.loops import AWAY, Stopped, persist, unless
from messenger.tail import Read, Tail
from web.backlog import Backlog
from web.counted import Counted
from web.deaths import Deaths
from web.everything import Everything
from web.gaps import History, gap_of
from web.here import Here
from web.known import KnownRooms
from web.live import Erased, Gap, Held, live_of
from web.own import Own
from web.remembered import Budget
from web.returning import look_again, trimmed_to
from web.room import Room
from web.waiters import Waiters

log = logging.getLogger(__name__)

# What goes so soon may be gone from the store already.
_SOON_MS = 2_000
# A tail that has heard nothing for so long has lost its store: a quiet one hears every two seconds.
_FRESH_S = 5.0


class Partition:
    """Everything up to `position` has been taken in and handed to the subscribers; what was there up to
    `trimmed_to` was cut before its time."""

    def __init__(self, of: Log, clock: StoreClock, everything: Everything, budget: Budget) -> None:
        self.log = of
        self.index = of.keys.partition
        self.clock = clock
        self.rooms = KnownRooms(self._horizon, budget)
        self.here = Here()
        self.position = self.trimmed_to = self._birth = START
        self.epoch = ""
        # The window in force, which may still be a longer one than is set.
        self.window = of.window
        self.heard_at = 0.0
        self.counted = Counted(of.window)
        self._everything = everything
        self._tail = Tail(of.store, of.keys, clock)
        self._load_to: EntryId | None = None
        # Up to when all has been read; while the tail is away since when, and what it came back to.
        self._read_at = 0
        self._away_since: int | None = None
        self._came_to = START
        self._deaths = Deaths()
        # While the log is read for the first time; none where somebody listens to what is read.
        self._backlog: Backlog | None = None
        self._waiters = Waiters()
        self._own = Own(self._take_own)

    async def run(self, stop: asyncio.Event) -> None:
        """Follows the log. A read that blocks is let go of at the stop: XREAD owes nothing."""
        with contextlib.suppress(Stopped):
            await unless(stop, persist(stop, "tail", self.step))
        await self.close()

    async def close(self) -> None:
        self._own.doubt()
        self.position = self._waiters.close()  # nobody waits for a log that is followed no more
        await self._tail.close()

    async def step(self) -> None:
        """One look at the log. A new epoch is a new history: it is read from its start."""
        if not self.epoch or (self._away_since is not None and await self._has_lost_its_end()):
            await self._begin()
        try:
            read = await self._tail.read(None if self._load_to is not None else BLOCK_MS)
        except AWAY:
            self._own.doubt()
            if self._backlog is not None:
                self.epoch = ""  # what was read is of no use to anyone yet
            elif self._away_since is None:
                self._away_since = self._read_at
            raise
        self.heard_at = asyncio.get_running_loop().time()
        if read.partitions not in (0, self.log.partitions):
            raise Repartitioning(REPARTITIONING)  # our cursor must not pass what is told elsewhere
        if read.epoch != self.epoch:
            await self._begin()
        else:
            self._take(read)
            if self._load_to is None and read.is_whole:
                self._own.read(self.position, read.at)
            self._read_at, self._away_since = self.clock.now(), None

    @property
    def is_ready(self) -> bool:
        """Whether what is remembered is complete, and the store was heard of just now."""
        fresh = asyncio.get_running_loop().time() - self.heard_at < _FRESH_S
        return fresh and self.epoch != "" and self._load_to is None

    @property
    def cursor(self) -> EntryId:
        """After which a reader goes on that has everything so far. In a log without an entry it is
        the history's birth, so that a later history is told from this one."""
        return max(self.position, self._birth)

    def require_loaded(self) -> None:
        """Raises StoreUnavailable until the log has been read once: no half page is shown."""
        if self.epoch == "" or self._load_to is not None:
            raise StoreUnavailable("the log is being read; try again in a moment")

    def room(self, name: str) -> Room:
        """The room, made if nobody has spoken or listened in it within the window."""
        return self.rooms.of(name)

    def gap(self, cursor: EntryId, expired_to: EntryId) -> Gap | None:
        """What a reader of this history can no longer be given."""
        return gap_of(History(self._birth, self.cursor, self.trimmed_to), cursor, expired_to)

    async def reach(self, cursor: EntryId) -> None:
        """Waits for an id that the store knows and this process does not yet: a reader may come from
        another web process that is a moment ahead."""
        if cursor <= self.cursor:
            return
        facts, asked_at = await self.log.settle(), asyncio.get_running_loop().time()
        if cursor <= facts.last and facts.epoch == self.epoch:
            await self.reached(cursor)
            # It may be gone: that is known when the log has been read to its end since.
            if cursor > self.cursor and self._own.whole_at < asked_at:
                raise StoreUnavailable("this process is behind the log; try again in a moment")

    async def reached(self, entry_id: EntryId) -> None:
        """Waits until everything up to the id has been handed out, but no longer than a moment: what
        the store has accepted is not held back for a tail that stands still."""
        if entry_id > self.position:
            await self._waiters.wait(entry_id)

    def hold(self, fresh: Fresh, future: asyncio.Future[Any], result: Any) -> None:  # noqa: ANN401
        """The future is given its result once the new entry has been handed out."""
        if not self._own.takes(fresh, future, result):
            self._waiters.add(fresh.entry.id, future, result)
            self._waiters.release(self.position)

    def forget(self, now: int) -> None:
        """Lets go of all that is over at that time of the store's clock."""
        if self._backlog is not None:
            return
        for entry_id, name in self._deaths.due(now):
            self.counted.occupancy.expire(entry_id)
            if room := self.rooms.get(name):
                self.rooms.expire(room, entry_id)

    def tidy(self) -> None:
        """Lets go of rooms with nothing in them, and of those who wait for a tail that stands still."""
        self._waiters.tidy()
        self.rooms.tidy(self.clock.now())

    async def _has_lost_its_end(self) -> bool:
        """Whether the store has come back with less than it had shown us."""
        soon = self.clock.now() + _SOON_MS
        known = [last for room in self.rooms.values() if (last := room.newest_event(soon))]
        if (came_to := await look_again(self.log, self.position, known)) is None:
            log.warning("the log has lost its end: it is read anew")
            return True
        self._came_to = came_to
        return False

    async def _begin(self) -> None:
        """A history's begin, ours or the store's: forget all, say so, read from the start."""
        facts = await self.log.settle()
        self._own.doubt()
        if self.epoch and facts.epoch != self.epoch:
            log.warning("the log began anew: epoch %s", facts.epoch)
        self.epoch, self._birth = facts.epoch, facts.birth
        self._away_since = None
        self.position = self._tail.position = START
        self._load_to = facts.last
        self.trimmed_to = START
        self._deaths.clear()
        self.counted.begin(facts.last)
        self.rooms.begin()
        self._tell(Gap("reset", START, facts.birth), self.rooms.values())
        is_heard = self.rooms or self._everything.listeners
        self._backlog = None if is_heard else Backlog(self.counted, self._deaths, self.room)

    def _take(self, read: Read) -> None:
        self.window = max(self.log.window, read.window)
        self._own.flush()
        # Should the store's clock be set back now, what was over stays over.
        self.forget(self.clock.now())
        missed_to = self._miss(read)
        if self._backlog is not None:
            self._backlog.take(read.entries, self.clock.now(), self.window)
            self._trim(read.trimmed_to)
        else:
            new = [entry for entry in read.entries if entry.id > self.position]
            self._hand_out(new, read.trimmed_to)
        if read.is_whole:
            # What came and went unread: who comes back from before it is told of a gap.
            self._tail.position = max(self._tail.position, missed_to, read.trimmed_to)
        self.position = self._tail.position
        if self._load_to is not None:
            self._load(self._load_to, read)
        self._waiters.release(self.position)

    def _take_own(self, entries: list[Entry]) -> None:
        self._hand_out(entries, self.trimmed_to)
        self.position = entries[-1].id
        self._tail.position = max(self._tail.position, self.position)
        self._waiters.release(self.position)

    def _hand_out(self, entries: list[Entry], trimmed_to: EntryId) -> None:
        news: dict[str, list[Held | Erased]] = {}
        over: dict[str, EntryId] = {}
        for entry in entries:
            self._take_entry(entry, news, over)
        self._tell_over(over)
        self._trim(trimmed_to)
        handed = sum(self.rooms[name].broadcast(events) for name, events in news.items())
        if self._everything.listeners:
            handed += self._everything.tell(self.index, news)
        self.counted.rates.delivered(self.clock.now(), handed)

    def _load(self, to: EntryId, read: Read) -> None:
        """The start is over at the id that was the last when it began. The entry of that id may be
        gone by now: then the log's end tells."""
        if not read.entries:
            self.position = self._tail.position = max(to, self.position)
        if self.position >= to:
            if self._backlog is not None:
                over = self._backlog.settle(self.window)
                self.rooms.expired_to = max(self.rooms.expired_to, over)
            self._load_to = self._backlog = None
            self.rooms.miss(min(max(self._horizon(), read.swept_to), to))

    def _miss(self, read: Read) -> EntryId:
        """What came and went, in any room, before the tail could read it; up to which id, or START."""
        over = read.swept_to
        if self._away_since is not None and self._horizon().ms >= self._away_since:
            over = max(over, min(self._horizon(), self._came_to))
        if self._load_to is not None or over <= self.position or self.rooms.has_missed(over):
            return START
        self.rooms.miss(over)
        self._tell_over(dict.fromkeys(self.rooms, over))
        return over

    def _tell_over(self, rooms: dict[str, EntryId]) -> None:
        """Something up to these ids was over before those who listen could be told of it."""
        if self._load_to is not None or not rooms:
            return
        for name, until in rooms.items():
            self.rooms[name].broadcast([Gap("expired", self.position, until)])
        self._everything.tell_gap(self.index, Gap("expired", self.position, max(rooms.values())))

    def _take_entry(
        self, entry: Entry, news: dict[str, list[Held | Erased]], over: dict[str, EntryId]
    ) -> None:
        if (event := live_of(entry, self.window)) is None:
            return
        name, live = event
        if isinstance(live, Held) and live.expires_at <= self.clock.now():
            self.rooms.expire(self.room(name), live.id)
            over[name] = live.id
            return
        self.room(name).take(live)
        self.counted.take(live)
        self._deaths.add(live.expires_at, live.id, name)
        news.setdefault(name, []).append(live)

    async def learn_trimmed(self) -> None:
        """For who has read the log itself: what was cut before is known from here on; what was not read
        before it was cut the tail tells to all."""
        self._trim(min(await trimmed_to(self.log), self.position))

    def _trim(self, to: EntryId) -> None:
        """Messages were cut before their time: all are told whose room may have had any, which of what
        the tail had not read is any room."""
        if to <= self.trimmed_to:
            return
        after, self.trimmed_to = self.trimmed_to, to
        self.counted.occupancy.trim(to)
        is_unread, now = to > self.position, self.clock.now()
        cut = [room for room in self.rooms.values() if room.trim(to, now) or is_unread]
        self._tell(Gap("trimmed", after, to), cut)

    def _tell(self, gap: Gap, rooms: Iterable[Room]) -> None:
        for room in rooms:
            room.broadcast([gap])
        self._everything.tell_gap(self.index, gap)

    def _horizon(self) -> EntryId:
        """Whatever is not after this is over, wherever it was posted."""
        return EntryId(max(self.clock.now() - self.window, 0), 0)
