"""`python -m tests.hostile`: slow and hostile clients, one kind after another, and the table of what
came of it. SCENARIOS names those that are wanted; SCALE=0.1 makes the crowds smaller. Ends with 1 if a
bound did not hold."""

import os
import sys

import uvloop

from tests.hostile.rounds import Row, run
from tests.hostile.scenarios import SCENARIOS, Scenario
from tests.hostile.swarm import raise_limit

_HEAD = (
    "| what | of them | post p99 before, during | reader p99 before, during | slowest post | memory "
    "before, most, after | besides | bounds |\n|---|---|---|---|---|---|---|---|"
)
# What the process has open beside the crowd: the store, the others, its files.
_OWN_FILES = 200


def main() -> int:
    limit, rows = raise_limit() - _OWN_FILES, []
    scale = float(os.environ.get("SCALE") or 1)
    for scenario in _chosen(os.environ.get("SCENARIOS") or ""):
        count = min(max(int(scenario.count * scale), 1), limit)
        row = uvloop.run(run(scenario._replace(count=count)))
        rows.append(row)
        print(_line(row), flush=True)
        for words in row.broken:
            print(f"    broken: {words}", flush=True)
    print("\n".join(["", _HEAD, *map(_line, rows)]))
    return 1 if any(row.broken for row in rows) else 0


def _chosen(names: str) -> list[Scenario]:
    wanted = names.replace(",", " ").split()
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in wanted:
        if name not in known:
            sys.exit(f"{name} is no scenario; allowed: {', '.join(known)}")
    return [known[name] for name in wanted] or list(SCENARIOS)


def _line(row: Row) -> str:
    cells = (
        f"{row.scenario.name}: {row.scenario.title}",
        row.scenario.count,
        f"{row.post_before:.0f} ms, {row.post_during:.0f} ms",
        f"{row.read_before:.0f} ms, {row.read_during:.0f} ms",
        f"{row.slowest:.0f} ms",
        f"{row.mb_before:.0f}, {row.mb_most:.0f}, {row.mb_after:.0f} MB",
        "; ".join(row.notes),
        "broken" if row.broken else "kept",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
