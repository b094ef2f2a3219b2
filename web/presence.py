"""Presence: how many are in a room, over all web processes, told to those who are in it."""

import asyncio

from messenger.loops import persist
from web.census import Census
from web.feed import Feed
from web.partition import Partition

# However many come and go, a room is told twice a second at the most; and of one that is full so many of
# its readers at a time, for nobody else has a turn meanwhile.
_EVERY_S = 0.5
_AGAIN_S = 0.4  # a little less than a round lasts
_AT_A_TIME = 1_000


class Presence:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._of = feed.partitions
        self._censuses = _censuses(feed)

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "presence", self.step, every_s=_EVERY_S)
        await self._leave()

    async def step(self) -> None:
        """Tells what is known here first: it does not wait for the store."""
        if self._of is not self._feed.partitions:
            await self._leave()
            self._of, self._censuses = self._feed.partitions, _censuses(self._feed)
        self._tell()
        due = [census.exchange() for census in self._censuses if census.is_due]
        for failure in await asyncio.gather(*due, return_exceptions=True):
            if failure is not None:
                raise failure
        self._tell()

    async def _leave(self) -> None:
        await asyncio.gather(*(census.leave() for census in self._censuses))

    def _tell(self) -> None:
        for partition in self._feed.partitions:
            changed = partition.here.changed
            partition.here.changed = {name for name in changed if not _tell(partition, name)}


def _censuses(feed: Feed) -> list[Census]:
    return [Census(each.log, each.here) for each in feed.partitions]


def _tell(partition: Partition, name: str) -> bool:
    """Tells a room how many are in it; False if not all of it knows: it was told too short a while
    ago, or the others have the next turn."""
    room = partition.rooms.get(name)
    if room is None:
        return True
    now = asyncio.get_running_loop().time()
    if now - room.told_at < _AGAIN_S:
        return False
    return room.tell(partition.here.count(name), _AT_A_TIME, now)
