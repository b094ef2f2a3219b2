"""Keeps quiet streams open through proxies, and their readers' cursors inside the window."""

import asyncio

from messenger.loops import pause
from web.feed import Feed
from web.live import Beat
from web.subscriber import hand_out

# WHATWG's advice against proxies that cut silent connections.
_EVERY_S = 15.0
_AT_A_TIME = 500


class Heartbeat:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await pause(stop, _EVERY_S)
            await self.beat()

    async def beat(self) -> None:
        """Only open subscribers have everything up to the position: the id would lie to others. After
        some of them the rest of the process has its turn: ten thousand at once held it up for a fifth
        of a second."""
        for partition in self._feed.partitions:
            listeners = [each for room in partition.rooms.values() for each in room.subscribers]
            for at in range(0, len(listeners), _AT_A_TIME):
                some = [each for each in listeners[at : at + _AT_A_TIME] if each.is_open]
                hand_out([Beat(partition.cursor, self._feed.clock.now())], some)
                await asyncio.sleep(0)
        self._feed.everything.beat(self._feed.clock.now())
