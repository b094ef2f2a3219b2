"""A fold of the log as of one moment, read while everything goes on: its entries, a page at a time, and
how many were posted and erased in each minute.

The counts are exact although the log changes under the fold. With each page comes, in the same step,
what was appended since the one before: so it is known what was erased, and is missing in the page for
that. What expired early is told by nothing, so for minutes in which that may have been the counts are
only a lower bound.
"""

import asyncio

import msgspec

from messenger.clock import ms_of
from messenger.entries import START, Entry, EntryId, read_entry
from messenger.errors import LogReset, StoreUnavailable
from messenger.events import MessageErased, MessagePosted
from messenger.keys import MINUTE_LIFE_MS, PROJECTOR
from messenger.log import Log
from messenger.loops import patiently
from messenger.partitions import require_whole
from messenger.replies import Reply
from messenger.scripts import load

COUNT = 100
# So much of what was appended meanwhile is read at once, before a page.
_NEWS = 20_000
_PATIENCE_S = 10.0
_MINUTE_MS = 60_000

_MOMENT = load("consumers", "moment", parts=("views", "groups"))


class Counts(msgspec.Struct):
    posted: int = 0
    erased: int = 0


class WrongCount(msgspec.Struct, frozen=True):
    """A minute (since 1970) in which the view counts other than the log; `is_least`: the log only
    tells that there were at least so many."""

    minute: int
    name: str
    expected: int
    found: int
    is_least: bool


class Fold:
    """`position`: the log was read up to here; `last`: up to here it is read."""

    def __init__(self, log: Log, stop: asyncio.Event) -> None:
        self._log = log
        self._pipe = log.store.pipe
        self._stop = stop
        self._elsewhere = Counts()  # of ids that are not of any time that is counted
        self._unsure: set[int] = set()
        self.position = self._first = START

    async def begin(self) -> None:
        """Takes in the moment as of which it folds."""
        keys = self._log.keys
        reply = await self._pipe.run(_MOMENT, [keys.log, keys.meta], [PROJECTOR])
        if not reply:
            raise StoreUnavailable("the log is not there; start `messenger up` on the store")
        _, self._epoch, last, delivered, pending, counts = reply
        self.last = self._known = EntryId.read(last)
        self._delivered = EntryId.read(delivered)
        self._pending = {EntryId.read(each) for each in pending}
        self._counted = {
            minute: Counts(posted, erased)
            for minute, posted, erased in zip(counts[::3], counts[1::3], counts[2::3], strict=True)
        }
        self._folded = {minute: Counts() for minute in self._counted}

    async def next(self) -> list[Entry]:
        """The next entries, the oldest first; none at the end.

        Raises LogReset where another history has begun, Repartitioned, StoreUnavailable where the
        store stays away, and Stopped.
        """
        while True:
            reply = await patiently(self._stop, "fold", self._read, for_s=_PATIENCE_S)
            news, page, time, (epoch, partitions) = reply
            if epoch != self._epoch:
                raise LogReset("the log began anew meanwhile")
            require_whole(self._log.partitions, partitions)
            for entry in map(read_entry, news):
                self._known = entry.id
                self._take_news(entry)
            # With more to come than was read, the page may lack what that erases.
            if len(news) < _NEWS:
                return await self._take_page(page, int(ms_of(time)))

    @property
    def done(self) -> float:
        """How much of the log was read, by the time that lies behind; from 0 to 1."""
        span = self.last.ms - self._first.ms
        return min((self.position.ms - self._first.ms) / span, 1.0) if span > 0 else 1.0

    async def wrong_counts(self) -> list[WrongCount]:
        """Where the view's counts are not those of the log, as of the moment of the begin."""
        exact_from, known_from = await self._bounds()
        wrong = []
        for minute, counted in sorted(self._counted.items()):
            folded = self._folded[minute]
            is_least = minute * _MINUTE_MS < exact_from or minute in self._unsure
            for name in ("posted", "erased"):
                expected, found = getattr(folded, name), getattr(counted, name)
                if found != expected and not (is_least and found > expected):
                    wrong.append(WrongCount(minute, name, expected, found, is_least))
        return [each for each in wrong if each.minute * _MINUTE_MS >= known_from]

    async def _read(self) -> Reply:
        """What was appended since the last look, and the next page, in one step."""
        key = self._log.keys.log
        *_, replies = await self._pipe.once(
            ("MULTI",),
            ("XRANGE", key, f"({self._known}", "+", "COUNT", _NEWS),
            ("XRANGE", key, f"({self.position}", str(self.last), "COUNT", COUNT),
            ("TIME",),
            ("HMGET", self._log.keys.meta, "epoch", "partitions"),
            ("EXEC",),
        )
        return replies

    async def _bounds(self) -> tuple[int, int]:
        """From when on the log has all that there was, and from when on no count has died; ms."""
        now = int(ms_of(await self._pipe.call("TIME")))
        names = ("window", "window_from", "epoch", "swept_to", "trimmed_to")
        facts = await self._pipe.call("HMGET", self._log.keys.meta, *names)
        window, window_from, epoch, *cut = facts
        if epoch != self._epoch:
            raise LogReset("the log began anew meanwhile")
        gone_to = [now - int(window), int(window_from or 0)]
        gone_to += [EntryId.read(each).ms for each in cut if each]
        # A minute's counts die a day after the last of them was counted.
        known_from = now - MINUTE_LIFE_MS + 2 * _MINUTE_MS
        birth = int(epoch.split(b"-")[0])
        return max(birth, known_from, *(ms + 1 for ms in gone_to)), known_from

    async def _take_page(self, page: list[Reply], now: int) -> list[Entry]:
        entries = [read_entry(raw) for raw in page]
        for entry in entries:
            await self._take(entry, now)
        if entries:
            if self.position == START:
                self._first = entries[0].id
            self.position = entries[-1].id
        return entries

    async def _take(self, entry: Entry, now: int) -> None:
        event = entry.event
        if isinstance(event, MessagePosted):
            if entry.id.ms + event.ttl <= now:
                self._unsure.add(entry.id.ms // _MINUTE_MS)
            elif self._was_applied(entry.id):
                self._count(entry.id).posted += 1
        elif isinstance(event, MessageErased):
            self._count(entry.id).erased += 1
            # Who erases takes the message out of the log, and counts the post if nobody has yet. An
            # entry that another program wrote does neither.
            message = EntryId.parse(event.message)
            if await self._log.entry(message) is None:
                self._count(message).posted += 1

    def _take_news(self, entry: Entry) -> None:
        """A message was erased after the moment. If it was read before it is in the fold, else it is
        in no page to come."""
        if isinstance(entry.event, MessageErased):
            message = EntryId.parse(entry.event.message)
            if self.position < message <= self.last and self._was_applied(message):
                self._count(message).posted += 1

    def _was_applied(self, entry_id: EntryId) -> bool:
        return entry_id <= self._delivered and entry_id not in self._pending

    def _count(self, entry_id: EntryId) -> Counts:
        return self._folded.get(entry_id.ms // _MINUTE_MS, self._elsewhere)
