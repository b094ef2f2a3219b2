"""What a consumer holds: deliveries that were read and are not done, in order for each room."""

import asyncio
import bisect
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from consumers.delivery import Delivery
from messenger.entries import EntryId

# However many of them wait for their room: what is held is in memory, and others can't have it.
MOST = 1_000


class Hand:
    """Hands deliveries out, and for each room only when the one before is done: a room's events are
    begun in the log's order, also while one of them waits for another attempt, and rooms do not wait
    for each other. A delivery that `is_alone` is begun when nothing else is, and nothing else beside it.

    `wanted` is how many should be ready to be begun with; more are read only while there are fewer.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._held: dict[tuple[int, EntryId], Delivery] = {}
        self._ready: deque[Delivery] = deque()
        self._begun: set[Delivery] = set()
        # For each room with anything in hand: how many of it are ready, begun with or waiting for
        # another attempt, and those that come after them.
        self._busy: dict[str, int] = {}
        self._behind: dict[str, list[Delivery]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        # What broke a loop, and whether somebody has been told.
        self.error: BaseException | None = None
        self.is_told = False
        self._is_closed = False
        self._news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.empty = asyncio.Event()
        self.empty.set()

    def offer(self, delivery: Delivery) -> None:
        """Takes a delivery in. One that is held already is not taken twice."""
        held = self._held.get((delivery.partition, delivery.id))
        if held is not None:
            held.is_lost = False
            return
        self._held[delivery.partition, delivery.id] = delivery
        if delivery.room in self._busy:
            bisect.insort(self._behind[delivery.room], delivery, key=_id)
        else:
            self._busy[delivery.room] = 0
            self._behind[delivery.room] = []
            self._make_ready(delivery)
        self._changed()

    async def take(self) -> Delivery | None:
        """The next that may be begun with; None once the hand is closed. Raises what broke a loop."""
        while True:
            if self.error is not None:
                self.is_told = True
                raise self.error
            if self._is_closed:
                return None
            if self._ready and self._may_begin(self._ready[0]):
                return self._pop()
            self._news.clear()
            await self._news.wait()

    async def take_many(self, most: int) -> list[Delivery]:
        """The next, and whatever else may be begun with now, up to so many: of a room several, in
        order. One that failed before comes alone, so that it takes no others along."""
        first = await self.take()
        if first is None or first.attempt > 1:
            return [] if first is None else [first]
        batch = [first]
        while len(batch) < most and self._ready and self._ready[0].attempt == 1:
            batch.append(self._pop())
        for room in list(dict.fromkeys(each.room for each in batch)):
            batch += self._pull(room, most - len(batch))
        return sorted(batch, key=_id)

    def done(self, delivery: Delivery) -> None:
        """It is out of hand: acked, buried, or another's. The next of its room may come."""
        self._end(delivery)
        if self._held.pop((delivery.partition, delivery.id), None) is not None:
            self._leave(delivery.room)
            self._changed()

    def again(self, failed: Sequence[Delivery], after_s: float) -> None:
        """They come again after a while, each alone, in order; of each room the first at once."""
        rooms: dict[str, list[Delivery]] = {}
        for delivery in sorted(failed, key=_id):
            delivery.is_alone = False
            self._end(delivery)
            rooms.setdefault(delivery.room, []).append(delivery)
        for room, (first, *rest) in rooms.items():
            self._behind[room][:0] = rest
            self._busy[room] -= len(rest)
            self._later(first, after_s)

    def waiting(self, partition: int, entry_id: EntryId) -> Delivery | None:
        """A delivery that is held and not begun with."""
        held = self._held.get((partition, entry_id))
        return None if held in self._begun else held

    def lose(self, partition: int, ids: Iterable[EntryId] | None = None) -> None:
        """They are ours no more, all of the partition if none are named. Who takes one of them finds
        out."""
        lost = None if ids is None else set(ids)
        for held in self._held.values():
            if held.partition == partition and (lost is None or held.id in lost):
                held.is_lost = True

    def ids(self, partition: int) -> list[EntryId]:
        return [held.id for held in self._of(partition)]

    def left(self, partition: int) -> list[Delivery]:
        """What is still held, the oldest first."""
        return sorted(self._of(partition), key=_id)

    def space(self) -> int:
        """How many more should be read now."""
        return max(0, min(self.wanted - len(self._ready), MOST - len(self._held)))

    async def wait_for_space(self) -> None:
        """Until there is space, or the hand is closed."""
        await self._has_room.wait()

    def fail(self, error: BaseException) -> None:
        """A loop has broken: who takes is told."""
        self.error = error
        self._news.set()
        self.empty.set()

    def close(self) -> None:
        """Nothing is handed out any more."""
        self._is_closed = True
        for timer in self._timers:
            timer.cancel()
        self._news.set()
        self._has_room.set()

    def _may_begin(self, delivery: Delivery) -> bool:
        if delivery.is_alone:
            return not self._begun
        return not any(each.is_alone for each in self._begun)

    def _pop(self) -> Delivery:
        found = self._begin(self._ready.popleft())
        self._changed()
        return found

    def _begin(self, delivery: Delivery) -> Delivery:
        delivery.is_settled = False
        self._begun.add(delivery)
        return delivery

    def _end(self, delivery: Delivery) -> None:
        self._begun.discard(delivery)
        self._news.set()

    def _pull(self, room: str, most: int) -> list[Delivery]:
        """Up to so many that come next in a room of which one is begun with."""
        behind = self._behind[room]
        count = 0
        while count < min(most, len(behind)) and behind[count].attempt == 1:
            count += 1
        found, self._behind[room] = behind[:count], behind[count:]
        self._busy[room] += len(found)
        return [self._begin(delivery) for delivery in found]

    def _leave(self, room: str) -> None:
        self._busy[room] -= 1
        if self._busy[room]:
            return
        if self._behind[room]:
            self._make_ready(self._behind[room].pop(0))
        else:
            del self._busy[room], self._behind[room]

    def _make_ready(self, delivery: Delivery) -> None:
        self._busy[delivery.room] += 1
        self._ready.append(delivery)
        self._news.set()

    def _later(self, delivery: Delivery, after_s: float) -> None:
        def come() -> None:
            self._timers.discard(timer)
            self._ready.append(delivery)
            self._news.set()

        timer = asyncio.get_running_loop().call_later(after_s, come)
        self._timers.add(timer)

    def _of(self, partition: int) -> Iterator[Delivery]:
        return (
            held for held in self._held.values() if held.partition == partition and not held.is_lost
        )

    def _changed(self) -> None:
        if self.space() or self._is_closed:
            self._has_room.set()
        else:
            self._has_room.clear()
        if self._held:
            self.empty.clear()
        else:
            self.empty.set()


def _id(delivery: Delivery) -> EntryId:
    return delivery.id
