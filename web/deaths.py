"""When what is remembered of a log is over, the earliest first."""

import heapq
from array import array
from collections import deque
from collections.abc import Iterator

from messenger.entries import EntryId

_CHUNK = 4_096
# What an array of unsigned 64-bit numbers takes; a time beyond it comes from nobody's clock.
_LARGEST = 2**64


class _Chunk:
    """Ends that come one after the other, as numbers and not as objects: 32 bytes each, where a tuple
    in a heap takes ten times that. A log's messages mostly live equally long, so nearly all are here."""

    __slots__ = ("at", "expires_at", "ms", "rooms", "seq")

    def __init__(self) -> None:
        self.expires_at = array("Q")
        self.ms = array("Q")
        self.seq = array("Q")
        self.rooms: list[str] = []
        self.at = 0


class Deaths:
    def __init__(self) -> None:
        self._in_order: deque[_Chunk] = deque()
        self._latest = 0
        self._others: list[tuple[int, EntryId, str]] = []

    def add(self, expires_at: int, entry_id: EntryId, room: str) -> None:
        """It is over then. Rooms are names; the same name should be the same object."""
        if not self._latest <= expires_at < _LARGEST:
            heapq.heappush(self._others, (expires_at, entry_id, room))
            return
        self._latest = expires_at
        if not self._in_order or len(self._in_order[-1].rooms) == _CHUNK:
            self._in_order.append(_Chunk())
        last = self._in_order[-1]
        last.expires_at.append(expires_at)
        last.ms.append(entry_id[0])
        last.seq.append(entry_id[1])
        last.rooms.append(room)

    def due(self, now: int) -> Iterator[tuple[EntryId, str]]:
        """Takes out what is over: its id and its room."""
        while self._others and self._others[0][0] <= now:
            _, entry_id, room = heapq.heappop(self._others)
            yield entry_id, room
        while self._in_order:
            chunk = self._in_order[0]
            while chunk.at < len(chunk.rooms):
                at = chunk.at
                if chunk.expires_at[at] > now:
                    return
                chunk.at += 1
                yield EntryId(chunk.ms[at], chunk.seq[at]), chunk.rooms[at]
            self._in_order.popleft()

    def clear(self) -> None:
        self._in_order.clear()
        self._others.clear()
        self._latest = 0
