"""The list of rooms: which are on it; and a long one is kept for a moment, for every open page asks for
it again and again."""

from collections.abc import Iterator

from messenger import wording
from messenger.entries import START, EntryId
from web.partition import Partition
from web.room import Room

# Made anew for each who asks when that costs less; else the making may take this share of the process.
_CHEAP_S = 0.005
_SHARE = 0.1
_LONGEST_S = 1.0


class Listed:
    """The rooms as they were listed last, encoded."""

    def __init__(self) -> None:
        self._rooms = b""
        self._until = float("-inf")

    def get(self, now: float) -> bytes | None:
        """The last list, if it is too early to make it anew. `now` is the event loop's time."""
        return self._rooms if now < self._until else None

    def keep(self, rooms: bytes, now: float, cost_s: float) -> None:
        """Keeps a list that took so much of the processor's time."""
        if cost_s > _CHEAP_S:
            self._rooms = rooms
            self._until = now + min(cost_s / _SHARE, _LONGEST_S)


def living(partition: Partition, now: int) -> Iterator[tuple[EntryId, str]]:
    """A partition's rooms with living messages that everyone may know of, each with the id of its
    newest; where that is not remembered any more, with the room's floor."""
    partition.forget(now)
    for room in filter(_is_listed, partition.rooms.values()):
        last = room.last_id()
        if last > START:
            yield last, room.name
        elif room.reaches_beyond(now):
            yield room.floor, room.name


def _is_listed(room: Room) -> bool:
    return wording.is_listed(room.name)
