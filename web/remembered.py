"""How much of its rooms a web process remembers, over all of its partitions."""

from collections.abc import Callable

from web.live import Erased, Held

# Of each room its newest events: so many always, and so many while there is room for them.
LEAST, MOST = 1_000, 10_000
# What all rooms together may take before one that takes in more has only the least.
BUDGET_BYTES = 32 * 2**20
# What an event takes beside its text: the object, its id, its place in the room; as measured.
_EVENT_BYTES = 300
# So many rooms have a long list of theirs kept ready.
_READY = 4


class Budget:
    """`used` is in bytes."""

    def __init__(self) -> None:
        self.used = 0
        # How each of those rooms lets go of its list, the one that was made first being the first.
        self._ready: dict[Callable[[], None], None] = {}

    @property
    def most(self) -> int:
        """How many events a room may have that takes in one more."""
        return MOST if self.used <= BUDGET_BYTES else LEAST

    def take(self, event: Held | Erased) -> None:
        self.used += bytes_of(event)

    def let_go(self, event: Held | Erased) -> None:
        self.used -= bytes_of(event)

    def keep_ready(self, forget: Callable[[], None]) -> None:
        """A room keeps a long list ready from now on, and forgets it when it is told to."""
        if len(self._ready) == _READY:
            oldest = next(iter(self._ready))
            del self._ready[oldest]
            oldest()
        self._ready[forget] = None

    def not_ready(self, forget: Callable[[], None]) -> None:
        self._ready.pop(forget, None)


def bytes_of(event: Held | Erased) -> int:
    return _EVENT_BYTES + (len(event.body) if isinstance(event, Held) else 0)
