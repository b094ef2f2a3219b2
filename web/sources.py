"""What a stream is about, and how it begins: history through the gate, no faster than it is taken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from messenger.entries import EntryId
from web.feed import Feed
from web.live import Live
from web.subscriber import Subscriber

# A history is sent in pieces of so many events; one that is not taken in this time ends the stream.
_PIECE = 100
_TAKE_S = 5.0


class Source(Protocol):
    """What a subscriber may listen to."""

    async def begin(self, subscriber: Subscriber) -> AsyncIterator[Sequence[Live]]:
        """Puts the subscriber behind its gate; what it must be sent before the gate opens, in pieces.
        Whatever can be refused is refused here, before a byte is sent."""
        ...

    def leave(self, subscriber: Subscriber) -> None: ...


class RoomSource:
    """One room, after an id; without one from now on."""

    def __init__(self, feed: Feed, room: str, cursor: EntryId | None) -> None:
        self._feed = feed
        self._room = room
        self._cursor = cursor

    async def begin(self, subscriber: Subscriber) -> AsyncIterator[Sequence[Live]]:
        return _pieces(await self._feed.subscribe(self._room, self._cursor, subscriber))

    def leave(self, subscriber: Subscriber) -> None:
        self._feed.unsubscribe(self._room, subscriber)


async def play(
    opening: AsyncIterator[Sequence[Live]],
    subscriber: Subscriber,
    drain: Callable[[], Awaitable[None]],
) -> None:
    """Sends what comes before the gate opens, a piece at a time, and opens it. A reader that does not
    take a piece is slow."""
    async for events in opening:
        if subscriber.ended.done():
            return
        subscriber.send(events)
        try:
            async with asyncio.timeout(_TAKE_S):
                await drain()
        except TimeoutError:
            subscriber.end("slow")
    subscriber.open()


async def _pieces(events: Sequence[Live]) -> AsyncIterator[Sequence[Live]]:
    for at in range(0, len(events), _PIECE):
        yield events[at : at + _PIECE]
