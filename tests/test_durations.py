"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger import durations

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("500ms", 500),
        ("10s", 10_000),
        ("15m", 900_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("007s", 7_000),
        ("999999999d", 999_999_999 * 86_400_000),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, ms: int) -> None:
    """Every form that is promised reads as its milliseconds."""
    assert durations.parse(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "", "10", "s", "10 s", " 10s", "10s ", "10s\n", "-10s", "+10s", "1.5h", "1e3s", "10S", "10M",
        "10min", "1h30m", "1w", "0x10s", "1_0s",
        "1000000000s", "١٠s", "10ｓ", "²s", "\0", "10s\0", "off",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    """What is not a duration is refused with words that say how one is written."""
    with pytest.raises(ValueError, match=r"15m, 2h or 1d"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0ms"),
        (1, "1ms"),
        (1_000, "1s"),
        (1_001, "1001ms"),
        (90_000, "90s"),
        (5_400_000, "90m"),
        (86_400_000, "1d"),
        (90_000_000, "25h"),
        (365 * 86_400_000, "365d"),
    ],
)
def test_a_duration_is_written_in_its_largest_whole_unit(ms: int, text: str) -> None:
    """Durations are shown as a person would write them."""
    assert durations.write(ms) == text


@given(st.integers(0, 999_999_999), st.sampled_from(sorted(UNITS)))
def test_what_was_read_is_written_and_read_as_the_same(number: int, unit: str) -> None:
    """Writing a duration that was read loses nothing, and never makes it longer than it came."""
    ms = durations.parse(f"{number}{unit}")
    assert ms == number * UNITS[unit]
    written = durations.write(ms)
    assert durations.parse(written) == ms
    assert len(written) <= max(len(f"{number}{unit}"), len("0ms"))


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_a_refusal(text: str) -> None:
    """No text makes anything but a whole number of milliseconds or a ValueError."""
    try:
        ms = durations.parse(text)
    except ValueError:
        return
    assert ms >= 0
