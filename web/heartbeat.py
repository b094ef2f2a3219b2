"""Keeps quiet streams open through proxies, and their readers' cursors inside the window."""

import asyncio

from messenger.loops import pause
from web.feed import Feed
from web.live import Beat
from web.subscriber import hand_out

# WHATWG's advice against proxies that cut silent connections.
_EVERY_S = 15.0


class Heartbeat:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await pause(stop, _EVERY_S)
            self.beat()

    def beat(self) -> None:
        """Only open subscribers have everything up to the position: the id would lie to others."""
        now = self._feed.clock.now()
        for partition in self._feed.partitions:
            listeners = [each for room in partition.rooms.values() for each in room.subscribers]
            hand_out([Beat(partition.cursor, now)], [each for each in listeners if each.is_open])
        self._feed.everything.beat(now)
