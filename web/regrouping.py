"""Takes up another number of partitions when the store has one: to readers it is what a restart is, and
posts are taken meanwhile.

The new logs are read beside the old ones, which serve until all of it is remembered. What they remember
is true until then; who needs more than that asks the store, and is told to come again.
"""

import asyncio
import contextlib
import logging

import msgspec
from aiohttp import web

from consumers.view import View
from messenger import partitions
from messenger.log import Logs
from messenger.loops import AWAY, pause, persist
from web.appkeys import FEED, LOGS, METRICS, VIEWS
from web.capacity import most_connections
from web.feed import Feed
from web.partition import Partition

log = logging.getLogger(__name__)

_EVERY_S = 0.5
_LOOK_S = 0.01


class Regrouping:
    """Follows the logs of an application, one tail a partition."""

    def __init__(self, app: web.Application) -> None:
        self._logs = app[LOGS]
        self._feed = app[FEED]
        self._views = app[VIEWS]
        self._capacity = app[METRICS].capacity
        self._tails: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        self._follow(self._feed.partitions)
        try:
            await persist(stop, "partitions", lambda: self._step(stop), every_s=_EVERY_S)
        finally:
            self._ended.set()
            await asyncio.gather(*self._tails)

    async def is_current(self) -> bool:
        """Whether what is remembered is all of what is in force: read without the number changing."""
        return await self._standing() == len(self._feed.partitions)

    async def _step(self, stop: asyncio.Event) -> None:
        for tail in self._tails:
            if tail.done():
                tail.result()
        found = await partitions.standing(self._logs.store)
        if found is not None and found != len(self._feed.partitions):
            await self._take_up(found, stop)

    async def _take_up(self, number: int, stop: asyncio.Event) -> None:
        log.warning("the store has %d partitions now: they are read", number)
        settings = msgspec.structs.replace(self._logs.settings, partitions=number)
        logs = Logs(self._logs.store, settings, type(self._logs.all[0]))
        await logs.settle()
        # First: posts go where they belong from now on.
        self._logs.all, self._logs.settings = logs.all, settings
        self._views[:] = [View(each) for each in logs.all]
        self._capacity.most = most_connections(number)
        fresh, ended, tails = Feed(logs), self._ended, self._tails
        self._ended, self._tails = asyncio.Event(), []
        self._follow(fresh.partitions)
        if not await self._is_read(fresh, stop):
            ended, self._ended = self._ended, ended
            tails, self._tails = self._tails, tails
        else:
            self._feed.take_over(fresh)
            log.info("%d partitions are served", number)
        ended.set()
        await asyncio.gather(*tails)

    async def _is_read(self, fresh: Feed, stop: asyncio.Event) -> bool:
        """Waits until the new logs have been read; False at the stop, or for yet another number."""
        number = len(fresh.partitions)
        while not stop.is_set():
            standing = await self._standing()
            if standing not in (None, number):
                return False
            if standing and fresh.is_ready:
                return True
            await pause(stop, _LOOK_S)
        return False

    async def _standing(self) -> int | None:
        with contextlib.suppress(*AWAY):
            return await partitions.standing(self._logs.store)
        return None

    def _follow(self, parts: list[Partition]) -> None:
        self._tails += [
            asyncio.create_task(each.run(self._ended), name=f"tail {each.index}") for each in parts
        ]
