"""How somebody stands with a limit of how fast something may go."""

from typing import NamedTuple

from messenger.values import Rate


class Standing(NamedTuple):
    """`left` may follow at once, and all are back in `reset_ms`; `name` is the limit's own: `post` for
    a visitor's posts, `room` for a room's, `new-room` for the rooms that a visitor opens."""

    name: str
    rate: Rate
    left: int
    reset_ms: int
