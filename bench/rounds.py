"""Rounds: both sides in turn, so that what else the machine does meets both."""

from collections.abc import Callable
from typing import NamedTuple

from bench.rows import Pair, Sample

Side = Callable[[float], Sample]


class Effort(NamedTuple):
    """How much is measured: rounds, seconds of load a side and round, and for what is measured by its
    amount how many events."""

    rounds: int = 5
    seconds: float = 3.0
    events: int = 100_000


# Only to see that every figure comes out.
SMOKE = Effort(rounds=1, seconds=0.2, events=2_000)


def interleaved(effort: Effort, ours: Side, theirs: Side) -> list[Pair]:
    """A short try of each that is not counted, then the rounds; who goes first changes each time."""
    if effort.rounds > 1:
        ours(effort.seconds / 3)
        theirs(effort.seconds / 3)
    pairs = []
    for number in range(effort.rounds):
        if number % 2 == 0:
            first = ours(effort.seconds)
            pairs.append(Pair(first, theirs(effort.seconds)))
        else:
            first = theirs(effort.seconds)
            pairs.append(Pair(ours(effort.seconds), first))
    return pairs
