"""What a log must hold, kept as a list: the model that the real one is compared with."""

from __future__ import annotations

import msgspec

from messenger.entries import EntryId

# A message so near its end may be there or not: the real clock runs on while one looks.
NEAR_MS = 150


class Said(msgspec.Struct):
    """One message that was accepted in this history."""

    id: EntryId
    room: str
    text: str
    expires_at: int
    key: str | None
    is_erased: bool = False
    is_trimmed: bool = False
    # Its time was over once; a clock that is set back may let it live again, or not.
    was_over: bool = False


class Oracle:
    def __init__(self) -> None:
        self.said: list[Said] = []
        self.appended = 0

    def flush(self) -> None:
        self.said.clear()
        self.appended = 0

    def pass_time(self, now: int) -> None:
        for each in self.said:
            if each.expires_at <= now + NEAR_MS:
                each.was_over = True

    def trim(self, to: EntryId) -> None:
        for each in self.said:
            if each.id <= to:
                each.is_trimmed = True

    def living(self, room: str) -> list[Said]:
        """Those that must be there."""
        return [
            each
            for each in self.said
            if each.room == room and not (each.is_erased or each.is_trimmed or each.was_over)
        ]

    def possible(self, room: str) -> list[Said]:
        """Those that may be there: not erased, not trimmed; perhaps over."""
        return [
            each
            for each in self.said
            if each.room == room and not (each.is_erased or each.is_trimmed)
        ]

    def by_key(self, room: str, key: str) -> Said | None:
        """The last that was said under a key."""
        found = [each for each in self.said if (each.room, each.key) == (room, key)]
        return found[-1] if found else None

    def check(self, where: str, room: str, ids: list[EntryId]) -> None:
        """All that must be there is, nothing that may not, and in the order of the ids."""
        must, may = self.living(room), {each.id for each in self.possible(room)}
        assert ids == sorted(set(ids)), f"{where}: out of order, or twice: {ids}"
        missing = [each for each in must if each.id not in ids]
        assert not missing, f"{where} of {room} lacks {missing}"
        more = [each for each in ids if each not in may]
        assert not more, f"{where} of {room} has {more}, which must be gone"
