"""One partition's entries, brought to the partitions that a repartition makes of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from consumers.rebuild import LEASE_MS
from messenger.address import Argument
from messenger.entries import START, EntryId
from messenger.errors import RepartitionLost
from messenger.keys import MINUTE_LIFE_MS, partition_of_bytes
from messenger.log import Log
from messenger.loops import patiently
from messenger.replies import Reply
from messenger.scripts import load

PAGE = 500
PATIENCE_S = 10.0
# Lua hands over some thousands of values at the most; no entry of ours has so many.
_MOST_FIELDS = 2_000

_SPLIT = load("consumers", "split", parts=("views", "groups"))

_T = TypeVar("_T")


class Raw(NamedTuple):
    """An entry as it is stored, so that what we do not know comes along; of which room it is, if any."""

    id: bytes
    fields: list[bytes]
    room: bytes | None

    @property
    def ms(self) -> int:
        return int(self.id.partition(b"-")[0])

    def expires_at(self, window: int) -> int:
        """When a message is over; 0 for what is none. A life that can't be one is the window."""
        if self.field(b"type") != b"message.posted":
            return 0
        ttl = self.field(b"ttl") or b""
        return self.ms + (min(int(ttl), window) if ttl.isdigit() else window)

    def field(self, name: bytes) -> bytes | None:
        names = self.fields[::2]
        return self.fields[2 * names.index(name) + 1] if name in names else None


class Moved:
    """What has moved out of a log: of each entry its id, when it is over, and its room."""

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, int, bytes]] = []

    def note(self, raw: Raw, window: int) -> None:
        assert raw.room is not None
        self.entries.append((raw.id, raw.expires_at(window), raw.room))


class Split:
    """`position`: up to here all that moves was copied; `entries` is how many were read, `moved` what
    was among them."""

    def __init__(
        self, of: Log, targets: dict[int, Log], partitions: int, word: str, stop: asyncio.Event
    ) -> None:
        self.log = of
        self.targets = targets
        self.position = START
        self.entries = 0
        self.moved = Moved()
        self._partitions = partitions
        self._word = word
        self._stop = stop

    async def next(self, until: EntryId | None = None) -> int:
        """Copies the next page, up to an id; how many entries it had."""
        page = await self.ask(partial(read_page, self.log, self.position, until))
        moving: dict[int, list[Raw]] = {}
        for raw in page:
            number = moves_to(raw, self._partitions)
            if number in self.targets:
                moving.setdefault(number, []).append(raw)
                self.moved.note(raw, self.log.window)
        for number, raws in moving.items():
            await self._send(self.targets[number], raws)
        if page:
            self.position = EntryId.read(page[-1].id)
        self.entries += len(page)
        return len(page)

    async def keep(self) -> None:
        """A sign of life for the new partitions."""
        for target in self.targets.values():
            await self._send(target, [])

    async def ask(self, what: Callable[[], Awaitable[_T]]) -> _T:
        return await patiently(self._stop, "repartition", what, for_s=PATIENCE_S)

    async def _send(self, target: Log, raws: Sequence[Raw]) -> None:
        keys = target.keys
        args: list[Argument] = [self._word, LEASE_MS, MINUTE_LIFE_MS]
        for raw in raws:
            args += [raw.id, int(await self._is_erasure(raw)), len(raw.fields), *raw.fields]
        names = [keys.log, keys.meta, keys.expiring, keys.secret]
        if await self.ask(partial(target.store.pipe.run, _SPLIT, names, args)) < 0:
            raise RepartitionLost("the store has forgotten what was copied; it serves as before")

    async def _is_erasure(self, raw: Raw) -> bool:
        """Whether it says that a message was erased, and that is gone. Another program may say so of
        one that is still there."""
        name = raw.field(b"message") or b""
        if raw.field(b"type") != b"message.erased" or b"-" not in name:
            return False
        try:
            message = EntryId.parse(name.decode())
        except ValueError:
            return False
        return await self.ask(partial(self.log.entry, message)) is None


async def read_page(log: Log, after: EntryId, until: EntryId | None = None) -> list[Raw]:
    """A log's next entries, after an id and up to another."""
    low = "-" if after == START else f"({after}"
    high = str(until) if until else "+"
    page = await log.store.pipe.call("XRANGE", log.keys.log, low, high, "COUNT", PAGE)
    return [_raw(*each) for each in page]


def moves_to(raw: Raw, partitions: int) -> int | None:
    """The partition that it belongs to among so many; None for what is in no room, and stays."""
    return None if raw.room is None else partition_of_bytes(raw.room, partitions)


def _raw(entry_id: bytes, fields: Reply) -> Raw:
    found = Raw(entry_id, fields, None)
    if len(fields) > _MOST_FIELDS:
        return found
    return found._replace(room=found.field(b"room"))
