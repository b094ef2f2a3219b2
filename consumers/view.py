"""The view: each living message as one row, an index a room, counts a minute. Written by the
projector, read where the feed's memory does not reach."""

from collections.abc import Sequence

import msgspec

from messenger import messages
from messenger.address import Argument
from messenger.clock import ms_of
from messenger.entries import Entry, EntryId
from messenger.errors import Gone, NotFound
from messenger.events import MessageErased, MessagePosted, Vanished
from messenger.keys import MINUTE_LIFE_MS, PROJECTOR
from messenger.log import Log, member
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
        keys: list[str] = [self._keys.log, self._keys.meta]
        args: list[Argument] = [PROJECTOR, MINUTE_LIFE_MS]
        for entry in entries:
            keys.append(self._keys.minute(entry.id.ms))
            args += change(entry)
        return int(await self._pipe.run(_APPLY, keys, args))

    async def page(self, room: str, before: EntryId | None, count: int) -> list[Message]:
        """Up to `count` messages before an id, or the newest; the oldest first."""
        rows = await self._rows(room, "before", before, count)
        return rows[::-1]

    async def page_after(self, room: str, after: EntryId, count: int) -> list[Message]:
        """Up to `count` messages after an id, the oldest first."""
        return await self._rows(room, "after", after, count)

    async def message(self, room: str, message: EntryId) -> Message:
        """One message. Raises Gone for one that was erased or has expired, NotFound for one that
        never was, as far as can be known."""
        row = await self._pipe.run(_ROW, [self._keys.meta], [str(message)])
        if row in _TOMBSTONES:
            raise Gone(f"the message {message} is gone", code=_TOMBSTONES[row])
        if row and not self._is_of_the_past(message):
            found: Message | None = messages.decode(row)
        else:
            found = await self._from_log(message)
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
    ) -> list[Message]:
        from_member = member(from_id) if from_id else ""
        args: list[Argument] = [room, direction, from_member, count]
        raw = await self._pipe.run(_PAGE, [self._keys.meta], args)
        return [messages.decode(row) for row in raw]

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


def change(entry: Entry) -> list[str | bytes]:
    """An entry's seven arguments for apply.lua."""
    event, entry_id = entry.event, str(entry.id)
    if isinstance(event, MessagePosted):
        message = messages.of(entry.id, event)
        return [
            entry_id,
            "posted",
            entry_id,
            event.room,
            member(entry.id),
            str(min(message.expires_at, _LATEST)),
            messages.encode(message),
        ]
    if isinstance(event, MessageErased):
        erased = EntryId.parse(event.message)
        posted_at = str(erased.ms)
        return [entry_id, "erased", event.message, event.room, member(erased), posted_at, ""]
    kind = "vanished" if isinstance(event, Vanished) else "other"
    return [entry_id, kind, "", "", "", "0", ""]
