"""The capacity model of docs/scaling.md: its arithmetic, and that the docs tell what it says."""

import re
import subprocess
import sys

import pytest

from bench.capacity import USE, CannotBe, Costs, Load, plan
from tests.sources import ROOT

COSTS = Costs(memory_mb=32_000)


def test_a_small_load_needs_one_of_each() -> None:
    """What one machine carries is not spread over several processes."""
    found = plan(Load(readers=100, posts=1))
    assert (found.webs, found.primaries, found.workers) == (1, 1, 1)


def test_more_readers_need_more_web_processes_and_no_more_servers_of_the_store() -> None:
    """Readers are the web processes' work; the store sees only how many processes read."""
    few, many = (plan(Load(readers=each, posts=50, rooms=1_000)) for each in (1e3, 1e6))
    assert many.webs > few.webs
    assert many.primaries == few.primaries


def test_each_core_keeps_its_reserve() -> None:
    """With the processes that are asked for no core has more than its share of work; with one less it
    would have."""
    load = Load(readers=20_000, posts=4_000, rooms=400)
    found = plan(load, COSTS)
    assert found.limit == "its core"
    shared_us = load.posts * COSTS.post_us + load.readers / 15 * COSTS.delivery_us
    shared_us += load.deliveries * COSTS.delivery_us
    each_us = load.posts * COSTS.entry_us
    assert shared_us / found.webs + each_us <= USE * 1e6
    assert shared_us / (found.webs - 1) + each_us > USE * 1e6


@pytest.mark.parametrize(
    ("load", "what"),
    [
        (Load(readers=10, posts=60_000), "reads every entry"),
        (Load(readers=10, posts=20_000, rooms=1e6), "remembers the newest messages"),
        (Load(readers=10, posts=20_000, rooms=10, hot=0.9), "the hottest room is one partition"),
    ],
)
def test_what_no_number_of_processes_does_is_said(load: Load, what: str) -> None:
    """Where a core that can't be shared is full, the model names it and plans nothing."""
    with pytest.raises(CannotBe, match=what):
        plan(load)


def test_readers_of_a_hot_room_are_most_of_the_work() -> None:
    """Half of the readers and posts in one room are delivered to each other."""
    even, hot = (Load(readers=10_000, posts=100, rooms=1_000, hot=each) for each in (0.0, 0.5))
    assert even.deliveries == 1_000
    assert hot.deliveries > 250_000


def test_the_docs_tell_what_the_model_says() -> None:
    """Each row of the table in docs/scaling.md is what the program prints for its command."""
    text = (ROOT / "docs" / "scaling.md").read_text()
    rows = re.findall(r"^\| `(--readers [^`]*)` \|(.*)\|$", text, re.M)
    assert len(rows) >= 5
    for words, cells in rows:
        said = _run(*words.split())
        figures = [line.split(maxsplit=1)[1] for line in said.stdout.splitlines()]
        told = figures or [said.stderr.strip()]
        assert [cell.strip() for cell in cells.split("|") if cell.strip()] == told, words


def test_a_wrong_cost_is_refused_with_what_is_allowed() -> None:
    """A name or a number that is none ends with the names that there are."""
    for wrong in ("speed=1", "post_us=fast", "post_us"):
        said = _run("--cost", wrong)
        assert said.returncode == 2
        assert "allowed are post_us, entry_us" in said.stderr


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.capacity", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
