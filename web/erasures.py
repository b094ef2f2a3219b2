"""Which messages of a partition were erased lately, for pages that look at the past."""

from collections import deque

_KEPT_MS = 300_000


class Erasures:
    def __init__(self) -> None:
        self._lately: deque[tuple[int, str, str]] = deque()

    def add(self, ms: int, room: str, message: str) -> None:
        """A message was erased then, by the id of the event that says so."""
        self._lately.append((ms, room, message))
        while self._lately[0][0] < ms - _KEPT_MS:
            self._lately.popleft()

    def after(self, ms: int) -> list[tuple[str, str]]:
        """Of each its room and its id: in two partitions an id may be of two messages."""
        return [(room, message) for at, room, message in self._lately if at > ms]
