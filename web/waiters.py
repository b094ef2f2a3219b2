"""Those who wait until a partition has handed out everything up to an id."""

import asyncio
import heapq
import itertools
from typing import NamedTuple

from messenger.entries import EntryId

# No longer than this: what the store has accepted is not held back for a tail that stands still.
_HELD_BACK_S = 1.0


class _Waiter(NamedTuple):
    """Somebody waits for an id since then; `turn` keeps two of the same id in order."""

    id: EntryId
    since: float
    turn: int
    future: asyncio.Future[None]

    def release(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Waiters:
    def __init__(self) -> None:
        self._waiting: list[_Waiter] = []
        self._turn = itertools.count()

    async def wait(self, entry_id: EntryId) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        waiter = _Waiter(entry_id, loop.time(), next(self._turn), future)
        heapq.heappush(self._waiting, waiter)
        await future

    def release(self, position: EntryId) -> None:
        """Everything up to the position has been handed out."""
        while self._waiting and self._waiting[0].id <= position:
            heapq.heappop(self._waiting).release()

    def tidy(self) -> None:
        """Lets go of who has waited long enough. One look at all who wait costs less than a timer for
        each."""
        since = asyncio.get_running_loop().time() - _HELD_BACK_S
        for waiter in [each for each in self._waiting if each.since < since]:
            waiter.release()
