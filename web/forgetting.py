"""Lets the web process's memory go of what is over, also when nobody asks for it."""

import asyncio

from messenger.loops import pause
from web.feed import Feed

_EVERY_S = 0.5


class Forgetting:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for partition in self._feed.partitions:
                partition.forget(self._feed.clock.now())
                partition.tidy()
            await pause(stop, _EVERY_S)
