"""A row of the table: one figure of ours, beside the same figure of a ceiling or a peer."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

# What one side gave in one round, by the figure's name; `load` is the share of one core that the
# busiest process of the load used.
Sample = Mapping[str, float]

# Above this share of its core the load may have been the limit, and not what was measured.
_LOAD_LIMIT = 0.9


class Pair(NamedTuple):
    """One round: both sides, one right after the other."""

    ours: Sample
    theirs: Sample


class Target(msgspec.Struct, frozen=True):
    """What the median ratio must reach; without a peer the figure itself."""

    bound: float
    is_least: bool

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.is_least else 'at most'} {self.bound:g}"


def at_least(bound: float) -> Target:
    return Target(bound, is_least=True)


def at_most(bound: float) -> Target:
    return Target(bound, is_least=False)


class Row(msgspec.Struct, frozen=True):
    """`theirs` is empty where there is no peer, and the target is one of the figure itself. `unit` is
    that of both sides' figures."""

    path: str
    against: str
    unit: str
    target: Target | None
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    load: float = 0.0

    @property
    def values(self) -> list[float]:
        """What is judged, a value a round."""
        if not self.theirs:
            return list(self.ours)
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def is_met(self) -> bool | None:
        return self.target.is_met(statistics.median(self.values)) if self.target else None

    @property
    def is_load_the_limit(self) -> bool:
        return self.load > _LOAD_LIMIT


def row(
    path: str,
    against: str,
    figure: str,
    unit: str,
    pairs: Sequence[Pair],
    target: Target | None = None,
) -> Row:
    """The row of one figure of some rounds."""
    both = [side for pair in pairs for side in pair]
    return Row(
        path=path,
        against=against,
        unit=unit,
        target=target,
        ours=[pair.ours[figure] for pair in pairs],
        theirs=[pair.theirs[figure] for pair in pairs],
        load=max(side.get("load", 0.0) for side in both),
    )
