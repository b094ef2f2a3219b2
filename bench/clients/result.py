"""What a client is asked, and how it tells what it found: JSON, in and out."""

import json
import math
import sys
import time
from collections.abc import Sequence
from typing import Any


def asked() -> dict[str, Any]:
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


class Busy:
    """How much of one core this process uses, from its making on."""

    def __init__(self) -> None:
        self._began = time.monotonic(), time.process_time()

    @property
    def share(self) -> float:
        wall_s, cpu_s = (
            now - then
            for now, then in zip((time.monotonic(), time.process_time()), self._began, strict=True)
        )
        return cpu_s / wall_s


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so much of them is not above; NaN where there are none."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def tell(**found: float) -> None:
    print(json.dumps(found), flush=True)
