"""`python -m tests.faults`: rounds of faults by a seed, and the table of what came of them.

SEED, ROUNDS and FAULTS (names with commas or spaces between) by the environment or as options. Ends
with 1 if a promise was broken, and names the seed that shows it again.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from pathlib import Path

import msgspec

from tests.faults import table
from tests.faults.catalogue import FAULTS
from tests.faults.rounds import Fault, Row, run_round


def main() -> int:
    chosen = _arguments()
    faults = _faults(chosen.faults)
    print(f"SEED={chosen.seed} ROUNDS={chosen.rounds}", flush=True)
    rows = []
    for number in range(chosen.rounds):
        for fault in faults:
            row = _run(fault, chosen.seed + number)
            rows.append(row)
            print(table.line(row), flush=True)
            for defect in row.defects[:10]:
                print(f"    {defect.kind}: {defect.words}", flush=True)
            if chosen.save:
                with Path(chosen.save).open("a") as file:
                    file.write(json.dumps(msgspec.to_builtins(row), ensure_ascii=False) + "\n")
    print("\n" + table.of(rows))
    broken = [row for row in rows if row.defects]
    for row in broken:
        print(f"broken: SEED={row.seed} ROUNDS=1 FAULTS={row.fault} make fault")
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    given = os.environ.get
    seed = given("SEED") or str(secrets.randbelow(1_000_000))
    parser.add_argument("--seed", type=int, default=int(seed))
    parser.add_argument("--rounds", type=int, default=int(given("ROUNDS") or 1))
    parser.add_argument("--faults", default=given("FAULTS") or "")
    parser.add_argument("--save", default="", help="a file to which each row is added as JSON")
    return parser.parse_args()


def _faults(names: str) -> list[Fault]:
    wanted = names.replace(",", " ").split()
    known = {fault.id: fault for fault in FAULTS}
    for name in wanted:
        if name not in known:
            sys.exit(f"{name} is no fault; allowed: {', '.join(known)}")
    return [known[name] for name in wanted] or list(FAULTS)


def _run(fault: Fault, seed: int) -> Row:
    began = time.monotonic()
    row = asyncio.run(run_round(fault, seed))
    row.took_s = time.monotonic() - began
    return row


if __name__ == "__main__":
    sys.exit(main())
