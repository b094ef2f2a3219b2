"""The projector: reads the log with a consumer group and writes the view, a batch at a time."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from consumers.dead import DeadLetters
from consumers.group import BATCH, Group, GroupGone
from consumers.view import View
from messenger.entries import Entry
from messenger.events import Malformed
from messenger.log import Log
from messenger.loops import AWAY, look_at, persist

log = logging.getLogger(__name__)

# Nobody waits for the view: the newest is served from the feed. A moment between batches makes them
# larger, and one of fifty costs hardly more than one of one.
_GATHER_S = 0.02

_T = TypeVar("_T")


class Projector:
    """One log's projector. Several may run side by side: see apply.lua.

    While there is more than a batch, the store and this process work at the same time: the next batch
    is asked for before one is written, and sent while the one before it is being applied.
    """

    def __init__(self, of: Log, view: type[View] = View) -> None:
        self._log = of
        self._group = Group(of)
        self._view = view(of)
        self._dead = DeadLetters(of)
        self._has_doubt = True
        self._ahead: asyncio.Task[list[Entry]] | None = None
        self._applying: deque[asyncio.Task[int]] = deque()

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "projector", self.step)
        # What was asked for ahead is ours to apply; what fails here another projector takes over.
        with contextlib.suppress(GroupGone, *AWAY):
            if self._ahead is not None:
                self._apply(await self._ahead)
            await self._applied(leave=0)
        await self._group.close()

    async def step(self) -> int:
        """Reads what there is, up to a batch, and has it applied; how many entries were applied. After
        any doubt our own pending entries come first: a reply may have been lost after the store had
        marked them as delivered."""
        try:
            entries = await self._read()
            is_full = len(entries) == BATCH and not self._has_doubt
            if is_full:
                self._ahead = _begun(self._group.new())
            self._apply(entries)
            applied = await self._applied(leave=1 if is_full else 0)
        except GroupGone:
            # Flushed, deleted: a new history begins, read from its start.
            self._forget()
            await self._log.settle()
            return 0
        except AWAY:
            self._has_doubt = True
            raise
        self._has_doubt = self._has_doubt and bool(entries)
        if 0 < len(entries) < BATCH:
            await asyncio.sleep(_GATHER_S)
        return applied

    async def _read(self) -> list[Entry]:
        if self._has_doubt:
            return [pending.entry for pending in await self._group.own()]
        ahead, self._ahead = self._ahead, None
        return await (ahead or self._group.new())

    def _apply(self, entries: Sequence[Entry]) -> None:
        self._applying.append(_begun(project(self._view, self._dead, entries)))

    async def _applied(self, *, leave: int) -> int:
        """Waits until no more batches than these are being applied; how many entries it was."""
        count = 0
        while len(self._applying) > leave:
            count += await self._applying.popleft()
        return count

    def _forget(self) -> None:
        """Lets go of what was asked of a log that is no more."""
        for task in (*self._applying, *([self._ahead] if self._ahead else [])):
            task.cancel()
        self._applying.clear()
        self._ahead = None


def _begun(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    task = asyncio.create_task(work)
    task.add_done_callback(look_at)
    return task


async def project(view: View, dead: DeadLetters, entries: Sequence[Entry]) -> int:
    """Applies entries to the view; those that break the contract go to the dead letters."""
    sound = [entry for entry in entries if not isinstance(entry.event, Malformed)]
    for entry in entries:
        if isinstance(entry.event, Malformed):
            log.warning("entry %s can't be applied: %s", entry.id, entry.event.reason)
            await dead.bury(entry.id, entry.event.reason, attempts=1)
    return await view.apply(sound) if sound else 0
