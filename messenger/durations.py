"""Durations as people write them: `10s`, `15m`, `2h`, `1d`. In the program they are milliseconds."""

import re

FORM = "a whole number and a unit: 500ms, 10s, 15m, 2h or 1d"

# As JSON Schema has it.
PATTERN = "^[0-9]{1,9}(ms|s|m|h|d)$"

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WRITTEN = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)


def parse(text: str) -> int:
    """The milliseconds of a written duration; ValueError, with the form, for anything else."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"a duration is {FORM}")
    return int(written[1]) * _UNITS[written[2]]


def write(ms: int) -> str:
    """The shortest form that parses back to the same milliseconds."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % _UNITS[unit] == 0:
            return f"{ms // _UNITS[unit]}{unit}"
    return f"{ms}ms"
