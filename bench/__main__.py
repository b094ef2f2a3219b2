"""Runs the measurements: `make bench`, or some of them: ONLY="post page" ROUNDS=7 make bench.

Prints each row as it comes, and writes it to docs/performance.md at once, and each table to
docs/scaling.md: what a run that is broken off has measured is kept.
"""

import argparse
import statistics
import sys
import time

from bench import table
from bench.errors import BenchError
from bench.measurements import MEASUREMENTS, ORDER, TABLES
from bench.rounds import SMOKE, Effort
from bench.rows import Row

_NAMES = (*MEASUREMENTS, *TABLES)


def main() -> int:
    asked = _asked()
    effort = SMOKE if asked.smoke else Effort(rounds=asked.rounds, seconds=asked.seconds)
    failed = 0
    for name in asked.only:
        began = time.monotonic()
        try:
            _measure(name, effort, is_kept=not (asked.dry or asked.smoke))
        except BenchError as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
        print(f"  {name} took {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


def _measure(name: str, effort: Effort, *, is_kept: bool) -> None:
    if name in TABLES:
        lines = list(TABLES[name](effort))
        print(*lines, sep="\n", flush=True)
        if is_kept:
            table.SCALING.write_text(table.put(table.SCALING.read_text(), name, lines))
        return
    for row in MEASUREMENTS[name](effort):
        _tell(row)
        if is_kept:
            table.PAGE.write_text(table.merged(table.PAGE.read_text(), [row], ORDER))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument("--seconds", type=float, default=Effort().seconds, help="a side and round")
    parser.add_argument("--dry", action="store_true", help="print, but leave the page as it is")
    parser.add_argument("--smoke", action="store_true", help="one small round of each, and no more")
    asked = parser.parse_args()
    asked.only = " ".join(asked.only).replace(",", " ").split() or list(_NAMES)
    if unknown := set(asked.only) - set(_NAMES):
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(_NAMES)}")
    return asked


def _tell(row: Row) -> None:
    verdict = {None: "", True: "met", False: "NOT MET"}[row.is_met]
    middle = statistics.median(row.values)
    low, high = min(row.values), max(row.values)
    ours = f"{statistics.median(row.ours):,.4g} {row.unit}"
    theirs = f" against {statistics.median(row.theirs):,.4g}" if row.theirs else ""
    limit = " (load was the limit)" if row.is_load_the_limit else ""
    print(
        f"{row.path}: {middle:.3g} ({low:.3g} to {high:.3g}) {row.target or ''} {verdict}: "
        f"{ours}{theirs} {row.against}; load {row.load:.0%}{limit}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
