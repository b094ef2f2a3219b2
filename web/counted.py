"""What is counted for operators of one partition, as its tail takes it in and hands it out."""

from collections.abc import Sequence

from messenger.entries import START, EntryId
from web.erasures import Erasures
from web.live import Erased, Held
from web.occupancy import Occupancy
from web.rates import Rates


class Counted:
    def __init__(self, window: int) -> None:
        self.occupancy = Occupancy(window)
        self.rates = Rates()
        self.erasures = Erasures()
        # The log's end when this process began with it: what was erased up to there it never saw.
        self._began_at = START

    def begin(self, last: EntryId) -> None:
        """A history is read from its start; `last` is its last id by now."""
        self.occupancy.clear()
        self._began_at = last

    def posted(self, times: Sequence[int]) -> None:
        """Messages were posted at these times, in ms."""
        self.occupancy.add_all(times)
        self.rates.posted_all(times)

    def take(self, live: Held | Erased) -> None:
        if isinstance(live, Held):
            self.occupancy.add(live.id)
            self.rates.posted(live.id.ms)
        else:
            self.erasures.add(live.id.ms, live.room, live.message)
            was_seen = live.id > self._began_at
            self.occupancy.erase(live.id, EntryId.parse(live.message) if was_seen else None)
