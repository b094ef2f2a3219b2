"""docs/security.md answers each item of levels 1 and 2 of OWASP ASVS 5.0.0 once, with its tests."""

import re
from typing import NamedTuple

from tests.sources import ROOT
from tests.test_bad_input_rows import is_there
from tests.test_documented import rows

# How many items each section has at levels 1 and 2; they come before those of level 3.
_SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
ITEMS = [f"{section}.{each}" for section, most in _SECTIONS.items() for each in range(1, most + 1)]


class Row(NamedTuple):
    items: str
    asks: str
    here: str
    tests: str


def applying() -> list[Row]:
    return [Row(*row) for row in rows(_document(), "item", "asks", "here", "tests")]


def not_applying() -> list[tuple[str, ...]]:
    return rows(_document(), "does not apply", "because")


def named(items: str) -> list[str]:
    """The numbers of a cell: `1.2.6, 1.2.8 to 1.2.10` are four."""
    found = []
    for part in items.split(", "):
        first, _, last = part.partition(" to ")
        section, _, number = first.rpartition(".")
        until = int(last.rpartition(".")[2]) if last else int(number)
        assert not last or last.startswith(f"{section}.")
        found += [f"{section}.{each}" for each in range(int(number), until + 1)]
    return found


def _document() -> str:
    return (ROOT / "docs" / "security.md").read_text()


def test_every_item_is_answered_once() -> None:
    """Each number of the standard is there, no other is, and none twice."""
    cells = [row.items for row in applying()] + [items for items, _ in not_applying()]
    answered = [item for cell in cells for item in named(cell)]
    assert sorted(answered) == sorted(ITEMS)
    assert len(ITEMS) == 253
    assert named("1.2.6, 1.2.8 to 1.2.10") == ["1.2.6", "1.2.8", "1.2.9", "1.2.10"]


def test_what_is_kept_has_tests_that_are_there() -> None:
    """Each named test is in tests/; a row without one says that it is not wholly kept, or by what else
    it is."""
    missing = []
    for row in applying():
        tests = [test for test in row.tests.split(", ") if test]
        missing += [f"{row.items}: {test}" for test in tests if not is_there(test)]
        excused = row.here.startswith(("**Partly**", "**Not**")) or "make audit" in row.here
        if not tests and not excused:
            missing.append(f"{row.items}: no test")
    assert missing == []


def test_what_does_not_apply_says_why() -> None:
    """No reason is empty."""
    assert not [items for items, because in not_applying() if len(because) < 15]


def test_every_test_of_the_document_is_there() -> None:
    """What is named elsewhere in it, too."""
    mentioned = re.findall(r"`(test_\w+::test_\w+)`", _document())
    assert len(mentioned) > 150
    assert [test for test in mentioned if not is_there(test)] == []
