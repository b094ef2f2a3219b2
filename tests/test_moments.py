"""Where to start reading, as people say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger import moments
from messenger.entries import START, EntryId

NOW = 1_764_000_600_123
LAST = 2**64 - 1


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("window", START),
        ("now", EntryId(NOW, LAST)),
        ("1764000000000-0", EntryId(1_764_000_000_000, 0)),
        ("1764000000000-17", EntryId(1_764_000_000_000, 17)),
        ("0-0", START),
        ("1-1", EntryId(1, 1)),
        (f"{LAST}-{LAST}", EntryId(LAST, LAST)),
        ("1764000000000", EntryId(1_764_000_000_000, 0)),
        ("10m", EntryId(NOW - 600_001, LAST)),
        ("500ms", EntryId(NOW - 501, LAST)),
        ("0s", EntryId(NOW - 1, LAST)),
        ("999999999d", EntryId(0, LAST)),
        ("1764000000", EntryId(1_763_999_999_999, LAST)),
        ("0", EntryId(0, LAST)),
        ("99999999999", EntryId(99_999_999_998_999, LAST)),
        ("2025-11-24T16:00:00Z", EntryId(1_763_999_999_999, LAST)),
        ("2025-11-24T16:00:00", EntryId(1_763_999_999_999, LAST)),
        ("2025-11-24T17:00:00+01:00", EntryId(1_763_999_999_999, LAST)),
        ("2025-11-24T16:00Z", EntryId(1_763_999_999_999, LAST)),
        ("2025-11-24 16:00:00.250Z", EntryId(1_764_000_000_249, LAST)),
        ("20251124T160000Z", EntryId(1_763_999_999_999, LAST)),
        ("1960-01-01T00:00:00Z", EntryId(0, LAST)),
        ("0001-01-01T00:00:00+23:59", EntryId(0, LAST)),
    ],
)
def test_each_form_is_read(said: str, after: EntryId) -> None:
    """Ids are read after, points in time from, whichever way they are said."""
    assert moments.parse(said, NOW) == after


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "Now",
        "yesterday",
        "-10m",
        "10 m",
        "1.5",
        "1-2-3",
        "1-",
        "-1",
        "$",
        ">",
        "(1-1",
        "+",
        "2025-11-24",
        "2025-13-24T00:00:00Z",
        "2025-11-24T25:00:00Z",
        "16:00",
        "T",
        ":",
        "18446744073709551616",
        "18446744073709551616-0",
        "1" * 5_000,
        "²",
        "١٧٦٤٠٠٠٠٠٠",  # digits, but not ours; an id or a duration of them is refused too
        "window\n",
        "10m\0",
        "\ud800",
    ],
)
def test_anything_else_is_refused_with_the_forms(said: str) -> None:
    """What is no moment is refused with all the forms of one."""
    with pytest.raises(ValueError, match=r"^a moment is ") as refusal:
        moments.parse(said, NOW)
    assert str(refusal.value) == f"a moment is {moments.FORM}"


@given(st.integers(0, NOW // 1_000), st.integers(0, 999))
def test_a_time_is_included_and_what_was_before_is_not(seconds: int, ms: int) -> None:
    """Reading after a point in time gives the first entry of that time, and none of before."""
    after = moments.parse(str(seconds), NOW)
    assert after < EntryId(seconds * 1_000 + ms, 0) or seconds == 0
    assert after >= EntryId(max(seconds * 1_000 - 1, 0), LAST)


@given(st.text(st.characters(codec=None), max_size=30) | st.from_regex(r"[0-9T:.Z+\- ]{1,30}"))
def test_no_text_crashes_it(said: str) -> None:
    """Any text is a moment of which a store can be asked, or is refused."""
    try:
        after = moments.parse(said, NOW)
    except ValueError:
        return
    assert EntryId.parse(str(after)) == after
