"""What this process has appended itself, where nobody's entry came between: the feed has it at once,
and need not wait for its tail to bring it."""

import asyncio
from collections.abc import Callable
from typing import Any

from messenger.entries import START, Entry, EntryId
from messenger.lives import SHORTEST_TTL
from messenger.log import Fresh

# What another process appended may have come and gone since the log was read: not in so short a time.
_RECENT_MS = SHORTEST_TTL // 2
# Redis 7.0 gives a script one time and takes another for the entry that it adds.
_SLIP_MS = 5


class Own:
    """`hand_out` is given entries that follow right after what it was given before, in one turn of the
    loop all that came in it. A post is told of when it has been. `whole_at` is when the log was last
    read to its end, by the loop's time.
    """

    def __init__(self, hand_out: Callable[[list[Entry]], None]) -> None:
        self._hand_out = hand_out
        self._loop = asyncio.get_running_loop()
        # The last entry that was handed out or will be with the others; when the log was last read.
        self._last = START
        self._read_at = 0
        self.whole_at = 0.0
        self._entries: list[Entry] = []
        self._told: list[tuple[asyncio.Future[Any], Any]] = []

    def read(self, position: EntryId, at: int) -> None:
        """The tail has read the log: it had nothing after the position at that time of the store's."""
        self._last, self._read_at = position, at
        self.whole_at = self._loop.time()

    def doubt(self) -> None:
        """Nothing is known of the log's end until it is read again."""
        self.flush()
        self._read_at, self.whole_at = 0, 0.0

    def takes(self, fresh: Fresh, future: asyncio.Future[Any], result: Any) -> bool:  # noqa: ANN401
        """Whether a new entry needs no tail; the future is given its result once it is handed out."""
        if not self._follows(fresh):
            return False
        if not self._entries:
            self._loop.call_soon(self.flush)
        self._last = fresh.entry.id
        self._entries.append(fresh.entry)
        self._told.append((future, result))
        return True

    def flush(self) -> None:
        """Hands out what there is."""
        if not self._entries:
            return
        entries, told = self._entries, self._told
        self._entries, self._told = [], []
        self._hand_out(entries)
        for future, result in told:
            if not future.done():
                future.set_result(result)

    def _follows(self, fresh: Fresh) -> bool:
        """Whether nothing was between: also nothing that is gone again, be it by a clock that was set
        forward and back."""
        return (
            fresh.before == self._last
            and 0 <= fresh.now - self._read_at < _RECENT_MS
            and 0 <= fresh.entry.id[0] - fresh.now <= _SLIP_MS
        )
