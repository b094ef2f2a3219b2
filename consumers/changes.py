"""Watches how many partitions the store has, and brings to its end what a repartition that was killed
has left."""

import asyncio
import contextlib
import logging

import msgspec

from consumers.moving import recover
from messenger import partitions
from messenger.clock import ms_of
from messenger.errors import RebuildRunning, RepartitionLost
from messenger.keys import Keys
from messenger.log import Logs
from messenger.loops import persist

log = logging.getLogger(__name__)

_EVERY_S = 0.5


class Changes:
    """`logs` are those that are in force by now."""

    def __init__(self, logs: Logs) -> None:
        self.logs = logs
        self._store = logs.store
        self._number = len(logs.all)

    async def run(self, stop: asyncio.Event) -> None:
        """Watches until the stop, and sets it when there are others."""
        await persist(stop, "partitions", lambda: self._step(stop), every_s=_EVERY_S)

    async def _step(self, stop: asyncio.Event) -> None:
        await self._recover()
        found = await partitions.standing(self._store)
        if found is None or found == self._number:
            return
        log.warning("the store has %d partitions now", found)
        settings = msgspec.structs.replace(self.logs.settings, partitions=found)
        logs = Logs(self._store, settings, type(self.logs.all[0]))
        await logs.settle()
        self.logs = logs
        stop.set()

    async def _recover(self) -> None:
        names = ("moving", "rebuild_until")
        moving, until = await self._store.pipe.call("HMGET", Keys(0).meta, *names)
        if moving is None or int(until or 0) > int(ms_of(await self._store.pipe.call("TIME"))):
            return
        # Another worker may have begun with it.
        with contextlib.suppress(RebuildRunning):
            try:
                left = await recover(self._store, self.logs.settings)
            except RepartitionLost as error:
                log.error("a repartition that was killed is not over: %s", error)
                return
            if left:
                log.warning("a repartition to %d was killed, and is over now", left.new)
