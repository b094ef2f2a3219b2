"""The rooms of one partition, and what of them is over."""

from collections.abc import Callable

from messenger.entries import START, EntryId
from web.remembered import Budget
from web.room import Room


class KnownRooms(dict[str, Room]):
    """The rooms in which somebody has spoken or listens, by name. `horizon` tells what is over by its
    age wherever it was posted; `expired_to` is the last message that is over, in any room."""

    def __init__(self, horizon: Callable[[], EntryId], budget: Budget) -> None:
        super().__init__()
        self._budget = budget
        self.expired_to = START
        self._horizon = horizon
        # What ended before this process had read it: it may have been in any room.
        self._expired_before = START

    def of(self, name: str) -> Room:
        """The room, made if nobody has spoken or listened in it within the window: whatever was in
        it before then is over."""
        room = self.get(name)
        if room is None:
            last = min(self._horizon(), self.expired_to)
            room = self[name] = Room(name, max(last, self._expired_before), self._budget)
        return room

    def expire(self, room: Room, entry_id: EntryId) -> None:
        if room.expire(entry_id):
            self.expired_to = max(self.expired_to, entry_id)

    def miss(self, over: EntryId) -> None:
        """What ended up to an id may have been in any room."""
        self._expired_before = over
        self.expired_to = max(self.expired_to, over)
        for room in self.values():
            room.expired_to = max(room.expired_to, over)

    def has_missed(self, over: EntryId) -> bool:
        """Whether what ended up to an id is known as missed."""
        return over <= self._expired_before

    def tidy(self, now: int) -> None:
        """Lets go of rooms with nothing in them."""
        horizon = self._horizon()
        for room in [each for each in self.values() if each.is_empty(now)]:
            if room.expired_to <= horizon:
                self.pop(room.name).forget()

    def begin(self) -> None:
        """A new history: all that was in them is no more; those who listen stay."""
        self.expired_to = self._expired_before = START
        for room in self.values():
            room.forget()
        listened = [room for room in self.values() if room.subscribers]
        self.clear()
        for old in listened:
            self.of(old.name).subscribers = old.subscribers
