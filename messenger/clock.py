"""The store's clock, as this process sees it between two looks at it."""

import time
from collections import deque
from collections.abc import Sequence

# A larger change of the clock than this is a step, and counted.
_STEP_MS = 1_000
_LOOKS = 16


class StoreClock:
    """Tells the store's time from the monotonic clock and the latest looks at TIME.

    A reply only ever arrives late, so the largest difference among the latest looks is the truest:
    a message is shown too long by at most the quickest reply's way back. A step forward counts at
    once, a step back when the looks before it have been forgotten; until then too much is expired,
    and never too little.
    """

    def __init__(self) -> None:
        self._looks: deque[float] = deque(maxlen=_LOOKS)
        self._ahead = time.time() * 1_000 - _monotonic_ms()
        self.steps = 0

    def look(self, time_ms: float) -> None:
        """Takes in what TIME said just now."""
        known = bool(self._looks)
        self._looks.append(time_ms - _monotonic_ms())
        ahead = max(self._looks)
        if known and abs(ahead - self._ahead) > _STEP_MS:
            self.steps += 1
        self._ahead = ahead

    def now(self) -> int:
        """The store's time in milliseconds since 1970."""
        return int(_monotonic_ms() + self._ahead)


def ms_of(told: Sequence[bytes | int]) -> float:
    """What TIME said, seconds and microseconds, in milliseconds since 1970."""
    seconds, micros = told
    return int(seconds) * 1_000 + int(micros) / 1_000


def _monotonic_ms() -> float:
    return time.monotonic_ns() / 1_000_000
