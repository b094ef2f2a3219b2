"""The view: each living message as one row, an index a room, counts a minute. Written by the
projector, read where the feed's memory does not reach."""

from collections.abc import Iterable, Sequence

import msgspec

from messenger import messages
from messenger.address import Argument
from messenger.clock import ms_of
from messenger.entries import Entry, EntryId
from messenger.errors import Gone, NotFound, Repartitioning
from messenger.events import MessageErased, MessagePosted, Vanished
from messenger.keys import MINUTE_LIFE_MS, PROJECTOR, minute_of
from messenger.log import REPARTITIONING, Log, member
from messenger.messages import Message
from messenger.scripts import load

_APPLY = load("consumers", "apply", parts=("views", "groups", "rows"))
_PAGE = load("consumers", "page", parts=("views",))
_ROOMS = load("consumers", "rooms", parts=("views",))
_ROW = load("consumers", "row", parts=("views",))

_TOMBSTONES = {b"erased": "message-erased", b"expired": "message-expired"}


# A store refuses times beyond its numbers; an entry that somebody gave an id of the far future must
# not stop the projector.
_LATEST = 2**53

# An entry's kind, room and minute; and how many words say the rest.
_Kind = tuple[str, str, int]
_WORDS = 4


class RoomRow(msgspec.Struct, frozen=True):
    """A room that has living messages, and when the last of them goes."""

    room: str
    expires_at: int


class View:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._keys = log.keys
        self._pipe = log.store.pipe

    async def apply(self, entries: Sequence[Entry]) -> int:
        """Acks entries and, where the ack was ours, applies them. How many were applied."""
        ids = [entry.id for entry in entries]
        span = (str(min(ids)), str(max(ids)))
        args: list[Argument] = [PROJECTOR, MINUTE_LIFE_MS, *span, *changes(entries)]
        return int(await self._pipe.run(_APPLY, [self._keys.log, self._keys.meta], args))

    async def page(self, room: str, before: EntryId | None, count: int) -> list[Message]:
        """Up to `count` messages before an id, or the newest; the oldest first."""
        return [messages.decode(row) for row in await self.rows_before(room, before, count)]

    async def rows_before(self, room: str, before: EntryId | None, count: int) -> list[bytes]:
        """The same, as they are stored: what messages.encode gave."""
        rows = await self._rows(room, "before", before, count)
        return rows[::-1]

    async def rows_after(self, room: str, after: EntryId, count: int) -> list[bytes]:
        """Up to `count` messages after an id as they are stored, the oldest first."""
        return await self._rows(room, "after", after, count)

    async def message(self, room: str, message: EntryId) -> Message:
        """One message. Raises Gone for one that was erased or has expired, NotFound for one that
        never was, as far as can be known."""
        row = await self._pipe.run(_ROW, [self._keys.meta], [str(message), self._log.partitions])
        if row == b"moved":
            raise Repartitioning(REPARTITIONING)
        if row in _TOMBSTONES:
            raise Gone(f"the message {message} is gone", code=_TOMBSTONES[row])
        if row and not self._is_of_the_past(message):
            found: Message | None = messages.decode(row)
        else:
            found = await self._from_log(message)
        before = self._log.ancestors
        if found is None and before and (word := await before.word(message)):
            raise Gone(f"the message {message} is gone", code=_TOMBSTONES[word])
        if found is None or found.room != room:
            raise NotFound(f"there is no message {message} in the room")
        return found

    async def rooms(self, now: int) -> list[RoomRow]:
        """The rooms that have living messages, the longest-living first."""
        raw = await self._pipe.run(_ROOMS, [self._keys.meta], [now])
        return [
            RoomRow(name.decode(), int(score))
            for name, score in zip(raw[::2], raw[1::2], strict=True)
        ]

    async def _rows(
        self, room: str, direction: str, from_id: EntryId | None, count: int
    ) -> list[bytes]:
        from_member = member(from_id) if from_id else ""
        args: list[Argument] = [room, direction, from_member, count, self._log.partitions]
        rows: list[bytes] | None = await self._pipe.run(_PAGE, [self._keys.meta], args)
        if rows is None:
            raise Repartitioning(REPARTITIONING)
        return rows

    async def _from_log(self, message: EntryId) -> Message | None:
        """A message that the projector has not come to yet. Raises Gone where it waits to be swept."""
        entry = await self._log.entry(message)
        if entry is None or not isinstance(entry.event, MessagePosted):
            return None
        found = messages.of(entry.id, entry.event)
        if found.expires_at <= int(ms_of(await self._pipe.call("TIME"))):
            raise Gone(f"the time of the message {message} is over")
        return found

    def _is_of_the_past(self, message: EntryId) -> bool:
        """Whether it is from before this history began: its row is only waiting to die."""
        return self._log.facts is not None and message < self._log.facts.birth


def changes(entries: Iterable[Entry]) -> list[Argument]:
    """Entries in sections, as rows.lua reads them. The order between sections is nothing to it."""
    sections: dict[_Kind, list[Argument]] = {}
    for entry in entries:
        kind, words = _change(entry)
        sections.setdefault(kind, []).extend(words)
    found: list[Argument] = []
    for kind, all_words in sections.items():
        found += (*kind, len(all_words) // _WORDS)
        found += all_words
    return found


def _change(entry: Entry) -> tuple[_Kind, tuple[Argument, ...]]:
    entry_id, event, _ = entry
    if isinstance(event, MessagePosted):
        message = messages.of(entry_id, event)
        expires_at = min(message.expires_at, _LATEST)
        words = (message.id, member(entry_id), expires_at, messages.encode(message))
        return ("posted", event.room, minute_of(entry_id.ms)), words
    if isinstance(event, MessageErased):
        erased = EntryId.parse(event.message)
        return ("erased", event.room, 0), (str(entry_id), member(erased), erased.ms, event.message)
    kind = "vanished" if isinstance(event, Vanished) else "other"
    return (kind, "", 0), (str(entry_id), "", 0, "")
