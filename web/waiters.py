"""Those who wait until a partition has handed out everything up to an id."""

import asyncio
import heapq
import itertools
from typing import Any

from messenger.entries import EntryId

# No longer than this: what the store has accepted is not held back for a tail that stands still.
_HELD_BACK_S = 1.0

_LATEST = EntryId(2**64, 0)

# For an id; a turn, which keeps two of the same id in order; since when; who waits, and for what. A
# plain tuple: every post makes one.
_Waiter = tuple[EntryId, int, float, asyncio.Future[Any], Any]


class Waiters:
    def __init__(self) -> None:
        self._waiting: list[_Waiter] = []
        self._turn = itertools.count()
        self._loop = asyncio.get_running_loop()

    async def wait(self, entry_id: EntryId) -> None:
        future = self._loop.create_future()
        self.add(entry_id, future, None)
        await future

    def add(self, entry_id: EntryId, future: asyncio.Future[Any], result: Any) -> None:  # noqa: ANN401
        """The future is given its result once everything up to the id has been handed out, or a
        moment has passed."""
        waiter = (entry_id, next(self._turn), self._loop.time(), future, result)
        heapq.heappush(self._waiting, waiter)

    def release(self, position: EntryId) -> None:
        """Everything up to the position has been handed out."""
        while self._waiting and self._waiting[0][0] <= position:
            _release(heapq.heappop(self._waiting))

    def close(self) -> EntryId:
        """Lets go of all who wait; an id that nobody has to wait for any more."""
        self.release(_LATEST)
        return _LATEST

    def tidy(self) -> None:
        """Lets go of who has waited long enough. One look at all who wait costs less than a timer for
        each."""
        since = self._loop.time() - _HELD_BACK_S
        for waiter in self._waiting:
            if waiter[2] < since:
                _release(waiter)


def _release(waiter: _Waiter) -> None:
    _, _, _, future, result = waiter
    if not future.done():
        future.set_result(result)
