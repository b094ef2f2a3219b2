"""A consumer group on one log: read new entries, reread our own, claim others'."""

import os
import socket
from typing import NamedTuple

import msgspec

from messenger.entries import START, Entry, EntryId, read_entry
from messenger.keys import PROJECTOR
from messenger.log import Log
from messenger.replies import Rejected, Reply
from messenger.scripts import load

BATCH = 500
# A stop waits for a read that blocks: cut off, it could leave entries pending. An idle group costs
# five calls a second.
_BLOCK_MS = 200

_CLAIM = load("consumers", "claim", parts=("groups",))
_HELD = load("consumers", "held")
_REAP = load("consumers", "reap")


class GroupGone(Exception):
    """The log or its group is not there: flushed, deleted, destroyed by somebody."""


class Pending(NamedTuple):
    """An entry that a consumer was given and has not acked; `times` it was delivered or begun with."""

    entry: Entry
    times: int


class Claim(msgspec.Struct, frozen=True):
    """What was taken over from a consumer that stopped, and how many of its entries are no more."""

    found: list[Pending]
    vanished: int


class Group:
    """One consumer in a group. Two that live at once never share a name, for they would share a list
    of pending entries. Each call raises GroupGone where there is no such group (any more)."""

    def __init__(self, log: Log, name: str = PROJECTOR, consumer: str | None = None) -> None:
        self._log = log
        self._key = log.keys.log
        self._reader = log.store.reader()
        self._cursor = b"0-0"
        self.name = name
        self.consumer = consumer or process_name()

    async def own(self, after: EntryId = START, count: int = BATCH) -> list[Pending]:
        """What was delivered to us before and not acked: a reply that was lost on its way, or what a
        process of this name has left. In the log's order, after an id."""
        low = "" if after == START else str(after)
        reply = await self._log.store.pipe.run(
            _HELD, [self._key], [self.name, self.consumer, low, count]
        )
        return _pending(reply)

    async def new(self, count: int = BATCH) -> list[Entry]:
        """Entries that no consumer was given yet; waits a moment for the first.

        Never asked again by itself: a lost reply has delivered its entries to us all the same."""
        whom = ("GROUP", self.name, self.consumer)
        how = ("COUNT", count, "BLOCK", _BLOCK_MS)
        try:
            (streams,) = await self._reader.once(
                ("XREADGROUP", *whom, *how, "STREAMS", self._key, ">")
            )
        except Rejected as error:
            # Redis 7.0 says UNBLOCKED where later ones say NOGROUP.
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            raise GroupGone from None
        return [read_entry(raw) for raw in streams[0][1]] if streams else []

    async def claim(self, idle_ms: int, count: int = BATCH) -> Claim:
        """Takes over entries that others were given and have not acked for so long. One call looks at
        a part of what is pending, and the next one goes on there."""
        reply = await self._log.store.pipe.run(
            _CLAIM,
            [self._key, self._log.keys.meta],
            [self.name, self.consumer, idle_ms, self._cursor, count],
        )
        if reply is None:
            raise GroupGone
        self._cursor, raw, vanished = reply
        return Claim(_pending(raw), vanished)

    @property
    def has_looked_through(self) -> bool:
        """Whether the last claim came to the end of what is pending."""
        return self._cursor == b"0-0"

    async def reap(self, idle_ms: int) -> int:
        """Forgets consumers that were silent for so long and hold nothing: how many."""
        return int(await self._log.store.pipe.run(_REAP, [self._key], [self.name, idle_ms]))

    async def close(self) -> None:
        await self._reader.close()


def process_name() -> str:
    """A name for this process: there is no other of it, and it stays the same while it lives."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _pending(reply: Reply) -> list[Pending]:
    if reply is None:
        raise GroupGone
    return [Pending(read_entry((raw_id, flat)), times) for raw_id, flat, times in reply]
