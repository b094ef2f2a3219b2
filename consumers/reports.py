"""What a consumer has to be told besides events: what it will never get, and that the log began anew."""

import logging
from collections.abc import Callable
from typing import Literal

import msgspec

log = logging.getLogger(__name__)


class Missed(msgspec.Struct, frozen=True):
    """Entries that the group was not handed, or has not handled, and will not get.

    `expired`: their time was over first; `entries` is how many. `trimmed`: somebody has cut the log by
    hand, up to the id `until`, before the group had come so far; how many is not known, and whether it
    had some of them just before it is not either. Told at least once, to one consumer of the group.
    """

    group: str
    partition: int
    reason: Literal["expired", "trimmed"]
    entries: int | None = None
    until: str | None = None


class Reset(msgspec.Struct, frozen=True):
    """The log was emptied or made anew. The group is at the start of the new history, and what you have
    made of the events of the old one has no log behind it any more."""

    group: str
    partition: int
    epoch: str


Report = Missed | Reset
Reporter = Callable[[Report], None]


def write_to_log(report: Report) -> None:
    """What is done with reports where nobody asks for them."""
    log.warning("%s", words(report))


def words(report: Report) -> str:
    """A report as a sentence."""
    where = f"group {report.group}, partition {report.partition}"
    if isinstance(report, Reset):
        return f"{where}: the log began anew; reading it from its start"
    if report.reason == "expired":
        return f"{where}: {report.entries} entries expired before they were handled"
    return f"{where}: the log was cut by hand up to {report.until}; entries may be missed"
