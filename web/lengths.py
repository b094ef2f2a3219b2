"""Lists that are longer than a page, and how much of one an answer has."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from web.live import Held
from web.remembered import MOST

# A page that people turn. What is not remembered is read in no longer ones.
SHORT = 100
# A list has no more messages than are remembered of a room, nor more bytes than so many.
LONGEST = MOST
LIST_BYTES = 4 * 2**20


def fitting(held: Sequence[Held], limit: int, most_bytes: int) -> int:
    """How many of them, from the first on, there is room for, each with a comma."""
    sizes = list(accumulate(len(each.body) + 1 for each in held[:limit]))
    return bisect_right(sizes, most_bytes)
