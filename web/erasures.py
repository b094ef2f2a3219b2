"""Which messages of a partition were erased lately, for pages that look at the past."""

from collections import deque

_KEPT_MS = 300_000


class Erasures:
    def __init__(self) -> None:
        self._lately: deque[tuple[int, str]] = deque()

    def add(self, ms: int, message: str) -> None:
        """A message was erased then, by the id of the event that says so."""
        self._lately.append((ms, message))
        while self._lately[0][0] < ms - _KEPT_MS:
            self._lately.popleft()

    def after(self, ms: int) -> list[str]:
        return [message for at, message in self._lately if at > ms]
