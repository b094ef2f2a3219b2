"""Keeps quiet streams open through proxies, and their readers' cursors inside the window."""

import asyncio

from messenger.loops import pause
from web import sse
from web.feed import Feed

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
        for partition in self._feed.partitions:
            frame = sse.heartbeat(partition.cursor)
            for room in tuple(partition.rooms.values()):
                for subscriber in tuple(room.subscribers):
                    if subscriber.is_open:
                        subscriber.deliver(subscriber.wrap(frame))
