"""A log as it is first read: of each room the newest are kept as they came, and encoded when all has
been read. A message that no room would remember costs a third of one that it would, and no memory but
for when it is over."""

from collections import deque
from collections.abc import Callable, Sequence

from messenger.entries import START, Entry, EntryId
from messenger.events import MessageErased, MessagePosted
from web.counted import Counted
from web.deaths import Deaths
from web.live import live_of
from web.remembered import LEAST, MOST
from web.room import Room

# What is kept as it came takes twice as much memory as what is encoded: so many, and no more.
_KEPT = 100_000


class _Newest:
    """A room's newest events; up to `floor` it had more, the last of which goes at `beyond_until`."""

    __slots__ = ("beyond_until", "entries", "expired_to", "floor", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: deque[tuple[Entry, int]] = deque()
        self.floor = START
        self.beyond_until = 0
        self.expired_to = START


class Backlog:
    """`room_of` gives the room that a name's events are put in; who reads them must wait until
    `settle`."""

    def __init__(self, counted: Counted, deaths: Deaths, room_of: Callable[[str], Room]) -> None:
        self._counted = counted
        self._deaths = deaths
        self._room_of = room_of
        self._rooms: dict[str, _Newest] = {}
        self._kept = 0
        # How many of each room: fewer the more rooms there are.
        self._most = MOST

    def take(self, entries: Sequence[Entry], now: int, window: int) -> None:
        """Takes in the log's next entries."""
        posted: list[int] = []
        for entry in entries:
            entry_id, event, _ = entry
            if isinstance(event, MessagePosted):
                newest = self._rooms.get(event.room) or self._newest(event.room)
                expires_at = entry_id[0] + event.ttl
                if expires_at <= now:
                    newest.expired_to = entry_id
                    continue
                posted.append(entry_id[0])
            elif isinstance(event, MessageErased):
                newest = self._rooms.get(event.room) or self._newest(event.room)
                expires_at = self._erased(entry, window)
            else:
                continue
            self._deaths.add(expires_at, entry_id, newest.name)
            newest.entries.append((entry, expires_at))
            self._kept += 1
            if len(newest.entries) > self._most:
                self._let_go(newest)
        self._counted.posted(posted)
        while self._kept > _KEPT and self._most > LEAST:
            self._keep_less()
        if self._kept > _KEPT:
            self.settle(window)

    def settle(self, window: int) -> EntryId:
        """Puts what was kept in its rooms; the last id of a message that was over when it was read."""
        expired_to = START
        for newest in self._rooms.values():
            room = self._room_of(newest.name)
            room.skip(newest.floor, newest.beyond_until)
            for entry, _ in newest.entries:
                if live := live_of(entry, window):
                    room.take(live[1])
            newest.entries.clear()
            if newest.expired_to > START:
                room.expire(newest.expired_to)
                expired_to = max(expired_to, newest.expired_to)
        self._kept = 0
        return expired_to

    def _newest(self, name: str) -> _Newest:
        newest = self._rooms[name] = _Newest(name)
        return newest

    def _erased(self, entry: Entry, window: int) -> int:
        """Counts an erasure; when nobody can have the message any more."""
        live = live_of(entry, window)
        assert live is not None
        self._counted.take(live[1])
        return live[1].expires_at

    def _keep_less(self) -> None:
        self._most = max(LEAST, self._most // 2)
        for newest in self._rooms.values():
            while len(newest.entries) > self._most:
                self._let_go(newest)

    def _let_go(self, newest: _Newest) -> None:
        entry, expires_at = newest.entries.popleft()
        newest.floor = entry.id
        self._kept -= 1
        if isinstance(entry.event, MessagePosted):
            newest.beyond_until = max(newest.beyond_until, expires_at)
