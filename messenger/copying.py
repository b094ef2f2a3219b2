"""Another store's logs as a replay's sink: messages are copied into them, never twice.

What is copied: living messages with their room, author, text and end, and the news that one of them was
erased. The other store's own worker makes its view of them; keys, rates and counts stay behind.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from messenger.address import Argument
from messenger.entries import Entry, EntryId
from messenger.errors import (
    BadRequest,
    LogReset,
    NotFound,
    Repartitioning,
    StoreUnavailable,
)
from messenger.events import MessageErased, MessagePosted
from messenger.keys import Keys
from messenger.log import REPARTITIONING, Log, Logs
from messenger.loops import patiently
from messenger.replay import PATIENCE_S
from messenger.scripts import load

# So many messages a script: the other store answers others meanwhile.
_BATCH = 200

_T = TypeVar("_T")

_COPY = load("messenger", "copy", parts=("views", "groups"))


class Copy:
    """`outcomes` counts what became of the messages, by the words of copy.lua; `gone` are those that
    were copied, erased here since, and so erased there, too."""

    def __init__(self, source: Logs, target: Logs, stop: asyncio.Event) -> None:
        """Raises BadRequest where both are one: a log can't be copied into itself."""
        self.outcomes: Counter[str] = Counter()
        self._source = source
        self._target = target
        self._stop = stop
        if _epoch(source.all[0]) == _epoch(target.all[0]):
            raise BadRequest("the store to copy to is the one that is read", code="bad-query")

    async def write(self, entries: list[Entry]) -> int:
        """Copies what is not there yet. Safe to be done again, and so are its parts: a store that went
        away is asked again."""
        posted: dict[int, list[tuple[EntryId, MessagePosted]]] = {}
        erased: list[MessageErased] = []
        for entry in entries:
            if isinstance(entry.event, MessagePosted):
                partition = self._target.of(entry.event.room).keys.partition
                posted.setdefault(partition, []).append((entry.id, entry.event))
            elif isinstance(entry.event, MessageErased):
                erased.append(entry.event)
        for partition, messages in posted.items():
            for at in range(0, len(messages), _BATCH):
                await self._copy(self._target.all[partition], messages[at : at + _BATCH])
        for event in erased:
            await self._erase(event)
        return 0

    async def _copy(self, to: Log, messages: Sequence[tuple[EntryId, MessagePosted]]) -> None:
        known = await self._copied_before(to, [(event.room, str(each)) for each, event in messages])
        self.outcomes.update(["seen"] * len(known))
        keys: list[str] = [to.keys.log, to.keys.meta, to.keys.expiring]
        args: list[Argument] = [secrets.token_hex(4), to.partitions]
        for entry_id, event in messages:
            if (event.room, str(entry_id)) in known:
                continue
            keys.append(self._mark(to.keys, event.room, str(entry_id)))
            args += [str(entry_id), event.room, event.author, event.text, event.ttl]
        outcomes = await self._patiently(lambda: to.store.pipe.run(_COPY, keys, args))
        if outcomes == [b"unsettled"]:
            raise LogReset("the log to copy to was emptied meanwhile")
        if outcomes == [b"moved"]:
            raise Repartitioning(REPARTITIONING)
        self.outcomes.update(outcome.decode() for outcome in outcomes)

    async def _erase(self, event: MessageErased) -> None:
        """Erases a message that was copied before it was erased."""
        to = self._target.of(event.room)
        mark = self._mark(to.keys, event.room, event.message)
        copy = await self._patiently(lambda: to.store.pipe.call("GET", mark))
        if copy is None:
            asked = (event.room, event.message)
            copy = (await self._copied_before(to, [asked])).get(asked)
        if copy is None:
            return
        there = EntryId.read(copy)
        try:
            said = await self._patiently(lambda: to.erase(event.room, there, event.by))
        except NotFound:  # over
            return
        if said != there:
            self.outcomes["gone"] += 1

    async def _copied_before(
        self, to: Log, those: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], bytes]:
        """Of messages, by room and id, those that were copied before their room came here, and to which
        ids."""
        before = to.ancestors
        if not before:
            return {}
        names = {(_epoch(self._source.of(room)), each): (room, each) for room, each in those}
        found = await self._patiently(lambda: before.copies(list(names)))
        return {names[each]: copy for each, copy in found.items()}

    def _mark(self, to: Keys, room: str, entry_id: str) -> str:
        return to.copied(_epoch(self._source.of(room)), entry_id)

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """What the other store answers."""
        return await patiently(self._stop, "copy", ask, for_s=PATIENCE_S)


def _epoch(log: Log) -> str:
    if log.facts is None:
        raise StoreUnavailable("the store was not reached yet")
    return log.facts.epoch
