"""The projector: reads the log with a consumer group and writes the view, a batch at a time."""

import asyncio
import logging
from collections.abc import Sequence

from consumers.dead import DeadLetters
from consumers.group import BATCH, Group, GroupGone
from consumers.view import View
from messenger.entries import Entry
from messenger.events import Malformed
from messenger.log import Log
from messenger.loops import AWAY, persist

log = logging.getLogger(__name__)

# Nobody waits for the view: the newest is served from the feed. A moment between batches makes them
# larger, and one of fifty costs hardly more than one of one.
_GATHER_S = 0.02


class Projector:
    """One log's projector. Several may run side by side: see apply.lua."""

    def __init__(self, of: Log, view: type[View] = View) -> None:
        self._log = of
        self._group = Group(of)
        self._view = view(of)
        self._dead = DeadLetters(of)
        self._has_doubt = True

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "projector", self.step)
        await self._group.close()

    async def step(self) -> int:
        """Applies what there is, up to a batch. After any doubt our own pending entries come first:
        a reply may have been lost after the store had marked them as delivered."""
        try:
            entries = await self._read()
            applied = await project(self._view, self._dead, entries)
        except GroupGone:
            # Flushed, deleted: a new history begins, read from its start.
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
        return await self._group.new()


async def project(view: View, dead: DeadLetters, entries: Sequence[Entry]) -> int:
    """Applies entries to the view; those that break the contract go to the dead letters."""
    sound = [entry for entry in entries if not isinstance(entry.event, Malformed)]
    for entry in entries:
        if isinstance(entry.event, Malformed):
            log.warning("entry %s can't be applied: %s", entry.id, entry.event.reason)
            await dead.bury(entry.id, entry.event.reason, attempts=1)
    return await view.apply(sound) if sound else 0
