"""A right in the store: one call that somebody makes, with the reason.

A call is written as it is sent. Its words with a colon are kinds of keys, in every partition: `:log` is
`messenger:{p}:log`, `:room:*` every room's index. Whether a key is read or written the store says.
A script is checked twice: that it may be run on its keys, and each command in it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Right(NamedTuple):
    """`is_optional`: not every store that we take knows the command, and we do without."""

    call: str
    reason: str
    is_optional: bool = False


Rights = tuple[Right, ...]

_IN_VIEW = re.compile(r":(message:\*|room:\*|rooms)")


def in_view(call: str, reason: str) -> Iterator[Right]:
    """A right on the view: on its first keys, and on those that it has once it was rebuilt."""
    yield Right(call, reason)
    yield Right(_IN_VIEW.sub(":view:*", call), f"{reason}; of a view that was rebuilt")
