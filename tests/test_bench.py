"""What `make bench` does with what it measures: rounds, ratios, and the table. How fast anything is, is
not asserted: other work on the machine must not fail a test."""

import asyncio
import subprocess
import sys

import pytest

from bench import load, machine, table, tools
from bench.clients import lists
from bench.errors import BenchError
from bench.measurements import MEASUREMENTS, ORDER, TABLES
from bench.rounds import SMOKE, Effort, interleaved
from bench.rows import Row, Sample, at_least, at_most, row
from tests.hostile.process import figure
from tests.serving import Messenger
from tests.sources import ROOT

_ANSWERED = "messenger_http_request_seconds_count"
_PAGE = f"before\n{table.BEGIN}\n{table.END}\nafter\n"


def test_both_sides_are_measured_in_turn() -> None:
    """Who goes first changes with each round; a first try of each does not count."""
    calls: list[str] = []

    def side(name: str, value: float) -> Sample:
        calls.append(name)
        return {"rate": value, "load": value / 100}

    pairs = interleaved(
        Effort(rounds=3), lambda _: side("ours", len(calls)), lambda _: side("theirs", 10)
    )
    assert calls == ["ours", "theirs", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [pair.ours["rate"] for pair in pairs] == [2, 5, 6]
    found = row("a path", "a peer", "rate", "/s", pairs, at_least(0.5))
    assert found.values == [0.2, 0.5, 0.6]
    assert (found.is_met, found.load) == (True, 0.1)


@pytest.mark.parametrize(
    ("target", "ours", "is_met"),
    [
        (at_least(0.8), [8, 7, 9], True),
        (at_least(0.8), [7, 7, 9], False),
        (at_most(0.8), [8, 7, 9], True),
        (at_most(0.8), [9, 7, 9], False),
        (None, [1, 1, 1], None),
    ],
)
def test_the_median_is_held_against_the_target(
    target: object, ours: list[float], is_met: bool | None
) -> None:
    """One bad round fails nothing, and one good round saves nothing."""
    assert Row("path", "peer", "/s", target, ours, [10, 10, 10]).is_met is is_met  # type: ignore[arg-type]


def test_a_row_tells_all_that_was_found() -> None:
    """Ratio and spread, target and verdict, both figures, and where the load was the limit."""
    found = Row("post", "bare", "/s", at_least(0.8), [7_000, 8_123], [10_000, 10_000], load=0.95)
    assert table.line(found, "today") == (
        "| post | bare | 0.756 (0.7 to 0.812) | at least 0.8 | **no** | 7,560/s (7,000 to 8,120) "
        "| 10,000/s | 2 | 95%: its limit | today |"
    )
    alone = Row("start", "", "s", at_most(1.0), [0.51, 0.5, 0.7])
    assert table.line(alone, "today") == (
        "| start |  |  | at most 1 s | yes | 0.51 s (0.5 to 0.7) |  | 3 |  | today |"
    )


def test_a_row_takes_the_place_of_the_one_before() -> None:
    """Those that were not measured now stay, in the order of the measurements; around the table
    nothing changes."""
    slow, quick = (Row(name, "peer", "/s", None, [1.0]) for name in ("second path", "first path"))
    order = ("first", "second")
    page = table.merged(table.merged(_PAGE, [slow], order), [quick], order)
    lines = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| ")]
    assert lines == ["| path", "| first path", "| second path"]
    again = table.merged(page, [Row("second path", "peer", "/s", None, [2.0])], order)
    assert again.count("second path") == 1
    assert "| 2/s (2 to 2) |" in again
    assert again.startswith("before\n")
    assert again.endswith("\nafter\n")
    assert machine.machine() in again


def test_rows_of_another_machine_are_dropped() -> None:
    """In one table stands what one machine gave."""
    page = table.merged(_PAGE, [Row("old", "peer", "/s", None, [1.0])], ())
    elsewhere = page.replace(machine.machine(), "1 core of something else")
    assert "old" not in table.merged(elsewhere, [Row("new", "peer", "/s", None, [1.0])], ())


def test_a_page_without_a_place_for_it_is_refused() -> None:
    """Nothing is written where the marks are missing; the real page has them."""
    with pytest.raises(BenchError, match="no place for the table"):
        table.merged("a page", [], ())
    assert table.PAGE == ROOT / "docs" / "performance.md"
    assert table.END in table.PAGE.read_text().partition(table.BEGIN)[2]


def test_a_table_stands_where_its_name_does() -> None:
    """It is written whole, with machine and commit; what is around it stays, other tables too."""
    page = (
        "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n<!-- y: begin -->\nkept\n<!-- y: end -->\n"
    )
    before, rest = table.put(page, "x", ["| head |", "|---|", "| 1 |"]).split("<!-- x: begin -->")
    written, after = rest.split("<!-- x: end -->")
    assert (before, after) == ("a\n", page.partition("<!-- x: end -->")[2])
    assert written.endswith("\n\n| head |\n|---|\n| 1 |\n")
    assert machine.machine() in written
    assert machine.as_of() in written
    assert "old" not in written
    with pytest.raises(BenchError, match="no place for the table: <!-- z: begin"):
        table.put(page, "z", [])


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_its_place(name: str) -> None:
    """docs/scaling.md has it as it was measured, and says how to measure it again."""
    text = table.SCALING.read_text()
    assert f"`ONLY={name} make bench`" in text
    assert table.put(text, name, []) != text
    assert table.put(text, name, []).partition(f"<!-- {name}: end")[2] in text


def test_a_tool_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it may not be installed, its package is told."""
    assert tools.need("sh", "dash").endswith("/sh")
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    with pytest.raises(BenchError, match=r"^no-such-tool is missing; .*package no-such-package"):
        tools.need("no-such-tool", "no-such-package")


def test_a_measurement_that_is_unknown_is_refused() -> None:
    """A wrong name ends the run before anything is measured, and the names are told."""
    command = [sys.executable, "-m", "bench", "post,nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert "no measurement nonsense; there are post, page, " in done.stderr


async def test_whole_lists_are_counted(messenger: Messenger) -> None:
    """One that comes in several reads is one, and none is asked for before the last has come: the
    server answers as many, and of those that are under way one a connection more."""
    port, path = int(messenger.url.rpartition(":")[2]), "/api/rooms/lobby/messages"
    for _ in range(40):
        await messenger.post("x" * 2_000)
    assert len(str(await messenger.page())) > lists.PIECE
    before = await figure(messenger.session, messenger.url, _ANSWERED)
    found = await asyncio.to_thread(load.lists, port, path, 0.2, connections=2)
    after = await figure(messenger.session, messenger.url, _ANSWERED)
    served = after - before - 1  # the first look at the figures is in the second
    assert found["answers"] <= served <= found["answers"] + 2
    assert found["answers"] > 2
    assert found["rate"] <= found["answers"] / 0.2


async def test_a_list_that_is_refused_ends_the_run(messenger: Messenger) -> None:
    """An error is no answer, and would be a quick one."""
    port, path = int(messenger.url.rpartition(":")[2]), "/api/rooms/lobby/messages?limit=0"
    with pytest.raises(BenchError, match=r"a list was answered b'HTTP/1\.1 400"):
        await asyncio.to_thread(load.lists, port, path, 0.2)


def test_a_measurement_gives_its_rows() -> None:
    """The one that needs no tool of the system: every figure comes out, and has its place. All others
    are tried by `python -m bench --smoke`."""
    for found in MEASUREMENTS["projector"](SMOKE):
        assert len(found.ours) == len(found.theirs) == SMOKE.rounds
        assert all(figure > 0 for figure in [*found.ours, *found.theirs])
        assert found.is_met is not None
        assert found.path.startswith(ORDER)
