"""Who a consumer is, and how patient: what it was told when it was made."""

import itertools

import msgspec

from consumers.group import process_name
from messenger import durations, moments, wording
from messenger.entries import EntryId
from messenger.errors import BadRequest
from messenger.loops import backoff_s

_LONGEST_MS = 86_400_000
_numbers = itertools.count(1)


class Retries(msgspec.Struct, frozen=True):
    """How often and when an event comes again.

    It is tried `attempts` times; before the second time it rests for `first`, and each time twice as
    long, up to `cap`, a fifth more or less. What a consumer that died has left is taken over when it
    has given no sign of life for `idle`. Durations are written as in the settings.
    """

    attempts: int = 5
    first: str = "1s"
    cap: str = "30s"
    idle: str = "10s"

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; allowed: 1 or more")
        for name, lowest in (("first", 1), ("cap", 1), ("idle", 1_000)):
            self._check(name, lowest)

    def wait_s(self, attempt: int) -> float:
        """How long an event rests whose so many'th attempt has failed."""
        first_s, cap_s = durations.parse(self.first) / 1_000, durations.parse(self.cap) / 1_000
        return backoff_s(attempt - 1, first_s, cap_s)

    @property
    def idle_ms(self) -> int:
        return durations.parse(self.idle)

    def _check(self, name: str, lowest: int) -> None:
        text = getattr(self, name)
        try:
            ms = durations.parse(text)
        except ValueError as error:
            raise ValueError(f"{name} is {text!r}: {error}") from None
        if not lowest <= ms <= _LONGEST_MS:
            raise ValueError(f"{name} is {text}; allowed: {durations.write(lowest)} to 1d")


class Membership(msgspec.Struct, frozen=True):
    """A consumer's place in a group. Its name is its own as long as it lives."""

    group: str
    name: str
    room: str | None
    retries: Retries


def membership(group: str, name: str | None, room: str | None, retries: Retries) -> Membership:
    """Raises BadRequest for a name that is not allowed."""
    return Membership(
        wording.check_group(group),
        f"{process_name()}-{next(_numbers)}" if name is None else wording.check_consumer(name),
        None if room is None else wording.check_room(room),
        retries,
    )


def beginning(since: str, now: int) -> EntryId:
    """The id after which a new group begins. Raises BadRequest for what is no moment, or none yet: a
    group in the future would miss what comes until then."""
    try:
        begin = moments.parse(since, now)
    except ValueError as error:
        raise BadRequest(f"since: {error}", code="bad-cursor") from None
    if begin.ms > now:
        raise BadRequest("since: a group can't begin in the future", code="bad-cursor")
    return begin
