"""Where to begin and end reading, as people say it: an id, a time, a duration ago, the window, now."""

from datetime import UTC, datetime, timedelta

from messenger import durations
from messenger.entries import START, EntryId

END_FORM = (
    "now, an id (1764000000000-0), a duration ago (10m), unix seconds (1764000000) "
    "or a time (2026-11-24T10:00:00Z)"
)
FORM = "window, " + END_FORM

# A number of so many digits is in milliseconds; a shorter one is in seconds.
_MS_DIGITS = 12


def parse(text: str, now_ms: int) -> EntryId:
    """The id after which to read; ValueError, with the forms, for anything else.

    A point in time becomes the last id before it, so that reading after it includes that time.
    """
    if text == "window":
        return START
    if text == "now":
        return EntryId(now_ms, 2**64 - 1)
    try:
        return _parse_moment(text, now_ms)
    except (ValueError, OverflowError):
        raise ValueError(f"a moment is {FORM}") from None


def parse_end(text: str, now_ms: int) -> EntryId:
    """The id up to and with which to read; ValueError, with the forms, for anything else.

    A point in time is itself left out: two ranges that meet in it have nothing in common.
    """
    if text == "window":
        raise ValueError(f"an end is {END_FORM}")
    try:
        return parse(text, now_ms)
    except ValueError:
        raise ValueError(f"an end is {END_FORM}") from None


def _parse_moment(text: str, now_ms: int) -> EntryId:
    if "T" in text or ":" in text:
        return _before(_parse_time(text))
    if "-" in text:
        return EntryId.parse(text)
    if text.isascii() and text.isdigit():
        return _before(int(text) * (1 if len(text) >= _MS_DIGITS else 1_000))
    return _before(now_ms - durations.parse(text))


def _parse_time(text: str) -> int:
    when = datetime.fromisoformat(text)
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.fromtimestamp(0, UTC)
    return since // timedelta(milliseconds=1)


def _before(ms: int) -> EntryId:
    if ms >= 2**64:
        raise ValueError
    return EntryId(max(ms - 1, 0), 2**64 - 1)
