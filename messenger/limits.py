"""How fast may be posted, by one visitor, to one room and to new rooms: what append.lua is given and
tells.

The script judges and charges, so that all processes count together.
"""

from collections.abc import Sequence

from messenger.address import Argument
from messenger.errors import TooFast
from messenger.replies import Reply
from messenger.settings import Settings
from messenger.standing import Standing

# In the order of the script's keys: a limit's name, its code, and what is too much of.
_KINDS = (
    ("post", "too-fast", "too many posts"),
    ("room", "room-too-fast", "too many posts in this room"),
    ("new-room", "too-many-rooms", "too many new rooms"),
)
# For who is nobody's visitor.
UNLIMITED: tuple[Argument, ...] = ("0", 0) * len(_KINDS)


class Limits:
    """`args` are the script's: ms between two at the steady rate, and how many at once, of each."""

    def __init__(self, settings: Settings) -> None:
        self._rates = (settings.post_rate, settings.room_rate, settings.new_room_rate)
        words = (
            (f"{rate.period / rate.posts:.3f}", rate.posts) if rate else ("0", 0)
            for rate in self._rates
        )
        self.args: tuple[Argument, ...] = tuple(word for pair in words for word in pair)
        # Those that are set, each with where the script tells of it.
        self._told = [
            (name, rate, at * 2)
            for at, ((name, *_), rate) in enumerate(zip(_KINDS, self._rates, strict=True))
            if rate is not None
        ]

    def standings(self, told: Sequence[int]) -> list[Standing]:
        """How the limits that are set stand after a post: `told` are two numbers for each."""
        return [
            Standing(name, rate, told[at], told[at + 1])
            for name, rate, at in self._told
            if told[at] >= 0
        ]

    def refusal(self, reply: Reply) -> TooFast:
        """The refusal that the script tells: which limit, ms to wait, ms until all are back."""
        _, which, wait_ms, reset_ms = reply
        name, code, what = _KINDS[which - 1]
        rate = self._rates[which - 1]
        assert rate is not None
        wait_s = -(-wait_ms // 1_000)
        return TooFast(
            f"{what}; the next may come in {wait_s} s",
            Standing(name, rate, 0, reset_ms),
            code=code,
            retry_after=wait_s,
        )
