"""Where to start reading, as people say it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger import moments
from messenger.entries import START, EntryId

LAST = 2**64 - 1
NOW = 1_795_500_000_000  # 2026-11-24T06:00:00Z


def before(ms: int) -> EntryId:
    """The last id before a time: reading after it includes the time."""
    return EntryId(ms - 1, LAST)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("window", START),
        ("now", EntryId(NOW, LAST)),
        ("1764000000000-0", EntryId(1_764_000_000_000, 0)),
        ("1764000000000-7", EntryId(1_764_000_000_000, 7)),
        ("5-3", EntryId(5, 3)),
        ("0-0", START),
        (f"{LAST}-{LAST}", EntryId(LAST, LAST)),
        ("10m", before(NOW - 600_000)),
        ("500ms", before(NOW - 500)),
        ("0s", before(NOW)),
        ("1764000000", before(1_764_000_000_000)),
        ("0", EntryId(0, LAST)),
        ("99999999999", before(99_999_999_999_000)),
        ("2026-11-24T06:00:00Z", before(NOW)),
        ("2026-11-24T06:00:00", before(NOW)),
        ("2026-11-24T06:00", before(NOW)),
        ("2026-11-24 06:00:00", before(NOW)),
        ("2026-11-24T08:00:00+02:00", before(NOW)),
        ("2026-11-24T06:00:00.250Z", before(NOW + 250)),
        ("20261124T060000Z", before(NOW)),
        ("1960-01-01T00:00:00Z", EntryId(0, LAST)),
        ("0001-01-01T00:00:00+23:59", EntryId(0, LAST)),
    ],
)
def test_every_form_is_read(text: str, after: EntryId) -> None:
    """Each form that is promised gives the id after which to read."""
    assert moments.parse(text, NOW) == after


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "NOW", "Window", " now", "now ", "-5m", "5m ago", "1.5", "1764000000.5",
        "2026-11-24", "10:00", "2026-13-24T10:00:00Z", "2026-11-24T25:00:00Z", "T", ":", "-", "1-",
        "-1", "1-2-3", "1-x",
        "$", ">", "(1-1", "+", "\ud800", "window\n", "18446744073709551616",
        "18446744073709551616-0", "0-18446744073709551616", "²", "\0", "1" * 30, "1" * 5_000,
        "١٢٣", "1764000000000-٣",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    """What is no moment is refused with words that name every form."""
    with pytest.raises(ValueError, match=r"^a moment is window, now, an id"):
        moments.parse(text, NOW)


def test_a_duration_longer_than_time_itself_begins_at_the_start() -> None:
    """Asking for more than there ever was is asking for everything."""
    assert moments.parse("999999999d", NOW) <= EntryId(0, LAST)


def test_milliseconds_are_a_point_in_time_and_include_it() -> None:
    """A message posted in the very millisecond that is asked for is read."""
    asked = moments.parse(str(NOW), NOW)
    assert asked < EntryId(NOW, 0)


@given(
    st.integers(1, 4_000_000_000_000),
    st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-8))]),
)
def test_a_time_is_read_to_the_millisecond(ms: int, zone: timezone) -> None:
    """A time in any zone means exactly its millisecond: nothing earlier is read, nothing missed."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    text = when.astimezone(zone).isoformat(timespec="milliseconds")
    assert moments.parse(text, NOW) == before(ms)


@given(
    st.text(st.characters(codec=None), max_size=30)
    | st.from_regex(r"[0-9TZ:+. -]{1,30}", fullmatch=True)
)
def test_any_text_is_a_moment_or_a_refusal(text: str) -> None:
    """No text makes anything but an id that a store would take, or a ValueError."""
    try:
        found = moments.parse(text, NOW)
    except ValueError:
        return
    assert EntryId.parse(str(found)) == found
