"""A short run of the fault suite, by a seed that it prints; `make fault` is the long one."""

import json
import os
import secrets

import pytest

from tests.faults import faketime, table
from tests.faults.catalogue import FAULTS
from tests.faults.checker import Defect
from tests.faults.rounds import Row, run_round

SEED = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))


@pytest.mark.parametrize("name", ["F1", "mix"])
async def test_the_promises_hold_under_fault(name: str) -> None:
    """Posts, streams, sockets and pages under lost replies, and under harms of every kind: nothing is
    lost, doubled, late or silently missed, and view and counts are the log's."""
    print(f"SEED={SEED} ROUNDS=1 FAULTS={name} make fault")
    (fault,) = (each for each in FAULTS if each.id == name)
    row = await run_round(fault, SEED)
    print(table.line(row))
    assert row.defects == []
    assert row.accepted > 50
    assert row.injected > 0


def test_every_fault_of_the_list_has_a_row() -> None:
    """F1 to F18 of the research are all there, by their names."""
    names = {fault.id for fault in FAULTS}
    assert {f"F{number}" for number in range(1, 19)} <= names
    assert len(names) == len(FAULTS)


def test_the_clock_can_be_faked_here() -> None:
    """Where continuous integration runs, libfaketime is installed: its fault is not left out."""
    if "CI" in os.environ:
        assert faketime.library() is not None


def test_the_table_adds_up() -> None:
    """A line a fault: sums over its rounds, and the worst of them."""
    rows = [
        Row("F1", "lost", 1, 10, 2, 9, 0, 1, 0, 3, 0.5, 1.0, [Defect("doubled", "x")], []),
        Row("F1", "lost", 2, 10, 1, 10, 0, 0, 0, 0, 0.1, 2.5, [], []),
        Row("F2", "frozen", 1, 5, 1, 5, 0, 0, 0, 0, 0.2, 0.0, [], []),
    ]
    first, second = table.of(rows).splitlines()[2:]
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells == [
        *("F1", "lost", "2", "3", "20", "19", "0", "1", "0", "3"),
        *("0.50 s, 0.50 s", "2.50 s", "1"),
    ]
    assert second.startswith("| F2 |")
    assert "1 DEFECTS" in table.line(rows[0])
    assert json.loads(json.dumps(rows[0].notes)) == []
