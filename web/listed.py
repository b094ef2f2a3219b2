"""The list of many rooms, kept for a moment: every open page asks for it again and again."""

# Made anew for each who asks when that costs less; else the making may take this share of the process.
_CHEAP_S = 0.005
_SHARE = 0.1
_LONGEST_S = 1.0


class Listed:
    """The rooms as they were listed last, encoded."""

    def __init__(self) -> None:
        self._rooms = b""
        self._until = float("-inf")

    def get(self, now: float) -> bytes | None:
        """The last list, if it is too early to make it anew. `now` is the event loop's time."""
        return self._rooms if now < self._until else None

    def keep(self, rooms: bytes, now: float, cost_s: float) -> None:
        """Keeps a list that took so much of the processor's time."""
        if cost_s > _CHEAP_S:
            self._rooms = rooms
            self._until = now + min(cost_s / _SHARE, _LONGEST_S)
