"""How fast a replay goes: at once, or with the gaps that the entries had, or a part of them."""

import asyncio
import re
from collections.abc import Sequence

from messenger.entries import Entry

FORM = "max, or a multiple of the original pace: 1x, 10x or 0.5x (0.001x to 1000000x)"

# So many entries at the most are judged, written and waited for together.
_PIECE = 500


def parse(text: str) -> float | None:
    """A speed as people say it: None for max. ValueError, with the forms, for anything else."""
    if text == "max":
        return None
    written = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)x", text, re.ASCII)
    speed = float(written[1]) if written else 0.0
    if not 0.001 <= speed <= 1_000_000:
        raise ValueError(f"a speed is {FORM}")
    return speed


class Pace:
    """The first entry is due at once, each other by its own gap to the first: so no drift adds up."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began: float | None = None
        self._first_ms = 0

    def wait_s(self, entry: Entry) -> float:
        """How long until an entry is due; 0 or less: it is."""
        if self._speed is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began, self._first_ms = now, entry.id.ms
        return self._began + (entry.id.ms - self._first_ms) / 1_000 / self._speed - now

    def due(self, entries: Sequence[Entry], at: int) -> int:
        """Up to which place the entries from `at` on are due, but no more than a piece. Equal ids are
        not parted: whoever stops after one goes on after all."""
        end = min(at + _PIECE, len(entries))
        if self._speed is not None:
            end = next((i for i in range(at, end) if self.wait_s(entries[i]) > 0), end)
        while at < end < len(entries) and entries[end].id == entries[end - 1].id:
            end += 1
        return end
