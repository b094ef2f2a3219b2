"""The table in docs/performance.md: rows that were measured now replace those of the same name, and
the others stay, so that each measurement can be run on its own. Those in docs/scaling.md are each
written whole, where their name stands."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import machine
from bench.errors import BenchError
from bench.rows import Row

_DOCS = Path(__file__).parent.parent / "docs"
PAGE, SCALING = _DOCS / "performance.md", _DOCS / "scaling.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

_HEAD = (
    "| path | against | ratio (from to) | target | met | ours | theirs | rounds | load | as of |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def line(row: Row, as_of: str) -> str:
    """A row as the table has it."""
    ratio = _spread(row.values, "") if row.theirs else ""
    met = {None: "", True: "yes", False: "**no**"}[row.is_met]
    unit = f" {row.unit}" if row.target and not row.theirs else ""
    load = f"{row.load:.0%}" if row.load else ""
    cells = (
        row.path,
        row.against,
        ratio,
        f"{row.target}{unit}" if row.target else "",
        met,
        _spread(row.ours, row.unit),
        _figure(statistics.median(row.theirs), row.unit) if row.theirs else "",
        str(len(row.ours)),
        f"{load}: its limit" if row.is_load_the_limit else load,
        as_of,
    )
    return f"| {' | '.join(cells)} |"


def merged(page: str, rows: Iterable[Row], order: Sequence[str]) -> str:
    """The page with rows put in. `order` is that of the measurements' paths, as far as they are known.
    Rows that another machine gave are dropped."""
    before, old, after = _divided(page, BEGIN, END)
    is_ours = machine.machine() in old
    lines = {_key(each): each for each in old.splitlines() if _is_row(each)} if is_ours else {}
    as_of = machine.as_of()
    for row in rows:
        written = line(row, as_of)
        lines[_key(written)] = written
    body = [
        "",
        f"{machine.machine()}; {machine.versions()}. Written by `make bench`.",
        "",
        *_HEAD,
        *sorted(lines.values(), key=lambda each: _rank(each, order)),
        "",
    ]
    return before + "\n".join(body) + after


def put(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with a table where its name stands."""
    before, _, after = _divided(page, f"<!-- {name}: begin -->", f"<!-- {name}: end -->")
    told = f"{machine.machine()}; {machine.versions()}. Written by `make bench`, {machine.as_of()}."
    return before + "\n".join(["", told, "", *lines, ""]) + after


def _divided(page: str, begin: str, end: str) -> tuple[str, str, str]:
    """What is before the table, with its mark, the table, and what is behind it. BenchError where there
    is no place for one."""
    before, found, rest = page.partition(begin)
    old, found_too, after = rest.partition(end)
    if not found or not found_too:
        raise BenchError(f"the page has no place for the table: {begin} ... {end}")
    return before + begin, old, end + after


def _rank(written: str, order: Sequence[str]) -> int:
    path = _cells(written)[0]
    return next((at for at, name in enumerate(order) if path.startswith(name)), len(order))


def _is_row(written: str) -> bool:
    return written.startswith("| ") and written not in _HEAD


def _key(written: str) -> tuple[str, ...]:
    return tuple(_cells(written)[:2])


def _cells(written: str) -> list[str]:
    return [cell.strip() for cell in written.strip().strip("|").split("|")]


def _spread(values: Sequence[float], unit: str) -> str:
    middle = _figure(statistics.median(values), unit)
    return f"{middle} ({_figure(min(values), '')} to {_figure(max(values), '')})"


def _figure(value: float, unit: str) -> str:
    """Three digits that count; a rate's unit stands close."""
    if value >= 1_000:
        written = f"{float(f'{value:.3g}'):,.0f}"
    elif value >= 100:
        written = f"{value:.0f}"
    else:
        written = f"{value:.3g}"
    return f"{written}{unit}" if unit.startswith("/") else f"{written} {unit}".rstrip()
