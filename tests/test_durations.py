"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger import durations


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("0s", 0),
        ("1ms", 1),
        ("500ms", 500),
        ("10s", 10_000),
        ("15m", 900_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("007s", 7_000),
        ("999999999ms", 999_999_999),
    ],
)
def test_each_unit_is_read(written: str, ms: int) -> None:
    """A number and a unit are so many milliseconds."""
    assert durations.parse(written) == ms


@pytest.mark.parametrize(
    "written",
    [
        "",
        "10",
        "s",
        "-1s",
        "+1s",
        "1.5h",
        "1h30m",
        " 10s",
        "10s ",
        "10 s",
        "10s\n",
        "10S",
        "1w",
        "1e3s",
        "1_000s",
        "0x10s",
        "١٠s",  # digits, but not ours
        "1000000000ms",
        "10s\0",
    ],
)
def test_anything_else_is_refused_with_the_form(written: str) -> None:
    """What is no duration is refused with the form of one, and not guessed at."""
    with pytest.raises(ValueError, match=r"^a duration is a whole number and a unit") as refusal:
        durations.parse(written)
    assert durations.FORM in str(refusal.value)


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0, "0ms"),
        (1, "1ms"),
        (1_500, "1500ms"),
        (90_000, "90s"),
        (900_000, "15m"),
        (5_400_000, "90m"),
        (7_200_000, "2h"),
        (86_400_000, "1d"),
        (365 * 86_400_000, "365d"),
    ],
)
def test_the_shortest_form_is_written(ms: int, written: str) -> None:
    """Milliseconds are written with the largest unit that loses nothing."""
    assert durations.write(ms) == written


@given(st.integers(0, 999_999_999))
def test_what_is_written_reads_back(ms: int) -> None:
    """Writing and reading a duration gives the same milliseconds."""
    assert durations.parse(durations.write(ms)) == ms


@given(st.integers(0, 999_999_999), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_what_is_read_writes_to_the_same(number: int, unit: str) -> None:
    """Every form that a person may write means the same in its shortest form, which is no longer."""
    ms = durations.parse(f"{number}{unit}")
    written = durations.write(ms)
    assert len(written) <= len(f"{number}{unit}") or number == 0
    assert ms == 0 or int(written.rstrip("mshd")) <= number


@given(st.text(max_size=12))
def test_no_text_crashes_it(text: str) -> None:
    """Any text is a duration or is refused."""
    try:
        ms = durations.parse(text)
    except ValueError:
        return
    assert ms >= 0
