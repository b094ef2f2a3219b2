"""How many messages live, by when they were posted: counted as they come and go, never by a scan."""

from collections import Counter
from collections.abc import Sequence

from messenger.entries import EntryId

# A window is told in so many parts.
_SLOTS = 60


class Occupancy:
    """One partition's living messages in slots of time, of `slot` milliseconds each.

    Exact, but for two things that mend themselves within a window: a log that somebody cuts by hand in
    the middle of a slot, and a message that is erased in the moment in which the log is first read.
    """

    def __init__(self, window: int) -> None:
        self.slot = max(1, window // _SLOTS)
        self._counts: dict[int, int] = {}
        # Ids that will come to their end and are not counted (any more): what was erased, and the
        # events that say so.
        self._uncounted: set[EntryId] = set()
        self._trimmed_to = 0

    def add(self, message: EntryId) -> None:
        at = message.ms // self.slot
        self._counts[at] = self._counts.get(at, 0) + 1

    def add_all(self, times: Sequence[int]) -> None:
        """Messages posted at these times, in ms."""
        for at, count in Counter([ms // self.slot for ms in times]).items():
            self._counts[at] = self._counts.get(at, 0) + count

    def erase(self, event: EntryId, message: EntryId | None) -> None:
        """Takes a message out before its time; None for one that was never counted."""
        self._uncounted.add(event)
        if message is not None and message not in self._uncounted:
            self._uncounted.add(message)
            self._take(message)

    def expire(self, entry_id: EntryId) -> None:
        if entry_id in self._uncounted:
            self._uncounted.remove(entry_id)
        elif entry_id.ms > self._trimmed_to:
            self._take(entry_id)

    def trim(self, to: EntryId) -> None:
        """The log was cut by hand, up to and with an id."""
        self._trimmed_to = to.ms
        for at in [each for each in self._counts if (each + 1) * self.slot <= to.ms]:
            del self._counts[at]

    def clear(self) -> None:
        self._counts.clear()
        self._uncounted.clear()
        self._trimmed_to = 0

    def read(self, horizon_ms: int) -> dict[int, int]:
        """How many live in each slot that has any: by the time at which it begins, in ms. What was
        posted before the horizon is over."""
        old = horizon_ms // self.slot
        for at in [each for each in self._counts if each < old]:
            del self._counts[at]
        self._uncounted = {each for each in self._uncounted if each.ms >= horizon_ms}
        return {at * self.slot: count for at, count in sorted(self._counts.items())}

    def _take(self, message: EntryId) -> None:
        at = message.ms // self.slot
        left = self._counts.get(at, 0) - 1
        if left > 0:
            self._counts[at] = left
        else:
            self._counts.pop(at, None)
