"""The rolling restart: one web worker after the other gives its place to a new one."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from messenger.loops import Stopped, unless
from web.workers.slot import Slot

log = logging.getLogger(__name__)


class Rolling:
    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    async def run(self, stop: asyncio.Event, again: asyncio.Event) -> None:
        """Restarts all each time that `again` is set; once more if it is set meanwhile."""
        with contextlib.suppress(Stopped):
            while True:
                await unless(stop, again.wait())
                again.clear()
                await self.step(stop)

    async def step(self, stop: asyncio.Event) -> None:
        """What a new process can't do, all that follow could not: the others stay as they are."""
        for slot in self._slots:
            if not await slot.replace(stop):
                return
            log.info("worker %s of %s was restarted", slot.number, len(self._slots))
