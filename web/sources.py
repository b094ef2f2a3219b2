"""What a stream is about, and how it begins: history through the gate, no faster than it is taken."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Protocol, TypeVar

from messenger.entries import EntryId
from messenger.errors import Unavailable
from web.feed import Feed
from web.live import Live
from web.subscriber import Subscriber

_T = TypeVar("_T")

# A history is sent in pieces of so many events; one that is not taken in this time ends the stream.
_PIECE = 100
_TAKE_S = 5.0


class Source(Protocol):
    """What a subscriber may listen to."""

    async def begin(self, subscriber: Subscriber) -> AsyncGenerator[Sequence[Live], None]:
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

    async def begin(self, subscriber: Subscriber) -> AsyncGenerator[Sequence[Live], None]:
        return pieces(await self._feed.subscribe(self._room, self._cursor, subscriber))

    def leave(self, subscriber: Subscriber) -> None:
        self._feed.unsubscribe(self._room, subscriber)


async def play(
    opening: AsyncGenerator[Sequence[Live], None],
    subscriber: Subscriber,
    drain: Callable[[], Awaitable[None]],
) -> None:
    """Sends what comes before the gate opens, a piece at a time, and opens it. A reader that does not
    take a piece is slow; a history that can't be read any more ends the stream."""
    async with aclosing(opening):
        try:
            async for events in opening:
                if subscriber.ended.done():
                    return
                subscriber.send(events)
                await _taken(subscriber, drain)
        except Unavailable:
            subscriber.end("unavailable")
            return
    subscriber.open()


async def _taken(subscriber: Subscriber, drain: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_TAKE_S):
            await drain()
    except TimeoutError:
        subscriber.end("slow")


async def pieces(events: Sequence[Live]) -> AsyncGenerator[Sequence[Live], None]:
    for piece in cut(events):
        yield piece


def cut(events: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The events in pieces that are sent one after another."""
    for at in range(0, len(events), _PIECE):
        yield events[at : at + _PIECE]
