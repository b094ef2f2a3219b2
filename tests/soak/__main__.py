"""`python -m tests.soak`: a long life by a seed, and what it left.

MINUTES (30), RATE of posts a second (300), SUBSCRIBERS (500) and SEED by the environment. Ends with 1 if
a promise was broken or something has grown, and says what.
"""

import gc
import os
import secrets
import sys
from collections import Counter

import uvloop

from tests.hostile.swarm import raise_limit
from tests.soak.ledger import table
from tests.soak.life import Plan, Stretch, live


def main() -> int:
    raise_limit()
    # To look through all that is remembered of a stretch takes half a second, in which nobody here
    # reads: what comes then would count as told too late.
    gc.disable()
    plan = _plan()
    print(
        f"SEED={plan.seed}: {plan.stretches} stretches of {plan.seconds:.0f} s after one without "
        f"harm; window {plan.window_s} s, {plan.rate} posts a second, {plan.subscribers} subscribers",
        flush=True,
    )
    life = uvloop.run(live(plan, _tell))
    print(table(life.before, life.after))
    for words in life.wrong[:40]:
        print(f"wrong: {words}")
    return 1 if life.wrong else 0


def _plan() -> Plan:
    given = os.environ.get
    seconds = float(given("MINUTES") or 30) * 60
    # A stretch is longer than two windows, so that what one has left is over in the next.
    window_s = 60 if seconds >= 900 else 10
    stretches = max(1, int(seconds / (window_s * 3.5)) - 1)
    return Plan(
        seed=int(given("SEED") or secrets.randbelow(1_000_000)),
        stretches=stretches,
        seconds=seconds / (stretches + 1),
        window_s=window_s,
        rate=int(given("RATE") or 300),
        subscribers=int(given("SUBSCRIBERS") or 500),
    )


def _tell(one: Stretch) -> None:
    verdict = f"{len(one.defects)} DEFECTS" if one.defects else "kept"
    print(
        f"stretch {one.number}: {verdict}; {one.posts} posts, {one.accepted} accepted, "
        f"{one.injected} harms, {one.gaps} gaps, {one.worst_recovery_s:.2f} s to recover at worst; "
        f"web1 has {one.web1_mb:.0f} MB; "
        f"{', '.join(one.harms) or 'no harm'}",
        flush=True,
    )
    for kind, count in Counter(defect.kind for defect in one.defects).items():
        first = next(defect.words for defect in one.defects if defect.kind == kind)
        print(f"    {count} {kind}, such as: {first}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
