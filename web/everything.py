"""Those who listen to all rooms, or to some: they are told what each partition's tail reads, once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from messenger.entries import EntryId
from web import shapes
from web.cursors import Places, write
from web.live import Erased, Gap, Held, Live, Told
from web.subscriber import Subscriber, hand_out
from web.telling import tell

_encode = msgspec.json.Encoder().encode


class Scope(NamedTuple):
    """What somebody listens to: `rooms` None is all of them. `partitions` are those that they are in."""

    rooms: frozenset[str] | None
    partitions: frozenset[int]

    def has(self, room: str) -> bool:
        return self.rooms is None or room in self.rooms


class Everything:
    """`cursors` tells up to where each partition has been handed out. A listener that is open stands
    there in all of them."""

    def __init__(self, cursors: Callable[[], list[EntryId]]) -> None:
        self.listeners: dict[Subscriber, Scope] = {}
        self._cursors = cursors

    def tell(self, partition: int, news: Mapping[str, Sequence[Held | Erased]]) -> int:
        """Hands out what a partition's tail has read, in the log's order; encoded once for each format
        and scope. How many events that were, counted for each listener."""
        handed = 0
        for scope, listeners in self._by_scope().items():
            events = [event for room in news if scope.has(room) for event in news[room]]
            if events:
                events.sort(key=lambda event: event.id)
                hand_out(self.placed(self._cursors(), partition, events), listeners)
                handed += len(events) * len(listeners)
        return handed

    def tell_gap(self, partition: int, gap: Gap) -> None:
        for scope, listeners in self._by_scope().items():
            if partition in scope.partitions:
                hand_out([self.placed_gap(self._cursors(), partition, gap)], listeners)

    def beat(self, now: int) -> None:
        """Only who is open has everything up to the cursor."""
        is_open = [each for each in self.listeners if each.is_open]
        hand_out([beat(self._cursors(), now)], is_open)

    @staticmethod
    def placed(
        cursors: Sequence[EntryId], partition: int, events: Sequence[Held | Erased]
    ) -> Sequence[Live]:
        """Events of one partition, for a reader that stands at the cursors in the others."""
        if len(cursors) == 1:
            return events
        places = Places(cursors, partition, events[-1].id)
        return [tell(event)._replace(id=places.at(event.id)) for event in events]

    @staticmethod
    def placed_gap(cursors: Sequence[EntryId], partition: int, gap: Gap) -> Told:
        """A gap of one partition, which it names. Only a new history moves the cursor."""
        data = shapes.PartitionGap(gap.reason, str(gap.after), str(gap.until), partition)
        moved = [*cursors[:partition], gap.until, *cursors[partition + 1 :]]
        return Told(b"gap", _encode(data), write(moved).encode() if gap.reason == "reset" else b"")

    def _by_scope(self) -> Mapping[Scope, list[Subscriber]]:
        found: dict[Scope, list[Subscriber]] = defaultdict(list)
        for subscriber, scope in self.listeners.items():
            found[scope].append(subscriber)
        return found


def beat(cursors: Sequence[EntryId], now: int) -> Told:
    """A heartbeat for a reader that has everything up to the cursors."""
    return Told(b"heartbeat", _encode(shapes.Heartbeat(now)), write(cursors).encode())
