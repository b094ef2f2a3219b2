"""Rooms with much in them, filled without HTTP."""

import asyncio

from messenger.log import Post
from tests.serving import Messenger


async def fill(messenger: Messenger, count: int, *, room: str = "lobby", first: int = 0) -> None:
    """Says `number <first>` and so on, in order."""
    assert messenger.logs is not None
    log = messenger.logs.of(room)
    texts = (f"number {first + index}" for index in range(count))
    await asyncio.gather(*(log.append(Post(room, "filler", text)) for text in texts))


def numbers(first: int, after: int) -> list[str]:
    return [f"number {number}" for number in range(first, after)]
