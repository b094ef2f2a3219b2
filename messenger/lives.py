"""How long a message may live, and does."""

from messenger import durations
from messenger.entries import Entry
from messenger.errors import BadField
from messenger.events import MessagePosted

SHORTEST_TTL = 1_000


def check_ttl(ttl: int | None, window: int) -> int:
    """The life of a post; None is the whole window. Raises BadField (invalid-ttl)."""
    if ttl is None:
        return window
    if not SHORTEST_TTL <= ttl <= window:
        raise BadField(
            f"ttl is from {SHORTEST_TTL} (1s) to {window} milliseconds "
            f"({durations.write(window)}), or a duration such as 30s",
            code="invalid-ttl",
            lowest=SHORTEST_TTL,
            highest=window,
        )
    return ttl


def life_of(entry: Entry, window: int) -> int:
    return entry.event.ttl if isinstance(entry.event, MessagePosted) else window
