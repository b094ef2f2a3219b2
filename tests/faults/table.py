"""The table of a run: a line a fault, over all of its rounds."""

from collections.abc import Sequence

from tests.faults.rounds import Row

_HEAD = (
    "| fault | what was done | rounds | harms | posts | accepted | lost | doubled | late | gaps told "
    "| recovery (median, worst) | slowest refusal | defects |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    """One round, as it is told while the suite runs."""
    verdict = f"{len(row.defects)} DEFECTS" if row.defects else "kept"
    return (
        f"{row.fault:8} seed {row.seed}: {verdict}; {row.posts} posts, {row.accepted} accepted, "
        f"{row.injected} harms, {row.gaps} gaps, {row.recovery_s:.2f} s to recover, "
        f"{row.took_s:.0f} s in all" + "".join(f"; {note}" for note in row.notes)
    )


def of(rows: Sequence[Row]) -> str:
    """All rounds as a table in Markdown."""
    faults: dict[str, list[Row]] = {}
    for row in rows:
        faults.setdefault(row.fault, []).append(row)
    return "\n".join([_HEAD, *map(_sum, faults.values())])


def _sum(rows: Sequence[Row]) -> str:
    recovery = sorted(row.recovery_s for row in rows)
    cells = (
        rows[0].fault,
        rows[0].title,
        len(rows),
        *(sum(getattr(row, name) for row in rows) for name in ("injected", "posts", "accepted")),
        *(sum(getattr(row, name) for row in rows) for name in ("lost", "doubled", "late", "gaps")),
        f"{recovery[len(recovery) // 2]:.2f} s, {recovery[-1]:.2f} s",
        f"{max(row.slowest_refusal_s for row in rows):.2f} s",
        sum(len(row.defects) for row in rows),
    )
    return "| " + " | ".join(map(str, cells)) + " |"
