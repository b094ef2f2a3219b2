"""What a reader that comes back can no longer be given."""

from typing import NamedTuple

from messenger.entries import START, EntryId
from web.live import Gap


class History(NamedTuple):
    """A partition's log as its reader finds it: its birth, up to where it was handed out, and up to
    where somebody has cut it."""

    birth: EntryId
    end: EntryId
    trimmed_to: EntryId


def gap_of(history: History, cursor: EntryId, expired_to: EntryId) -> Gap | None:
    """What a reader that resumes after `cursor` can no longer be given; None if nothing. Up to
    `expired_to` something of what it reads is over. 0-0 asks for all that lives, and misses nothing."""
    if cursor in (START, history.end):
        return None
    if not history.birth <= cursor <= history.end:
        return Gap("reset", cursor, START)
    if cursor < history.trimmed_to:
        return Gap("trimmed", cursor, max(history.trimmed_to, expired_to))
    return Gap("expired", cursor, expired_to) if cursor < expired_to else None
