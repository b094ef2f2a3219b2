"""Consumers for tests: what they were given, and posts to give them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.membership import Retries
from consumers.reports import Missed, Report, Reset
from messenger.events import MessagePosted
from messenger.log import Log, Logs, Post
from tests.raw import KEYS

# Waits that a test does not notice.
QUICK = Retries(attempts=3, first="5ms", cap="20ms", idle="1s")


class Reports:
    """Keeps what a consumer reports."""

    def __init__(self) -> None:
        self.all: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.all.append(report)

    def expired(self) -> int:
        return sum(each.entries or 0 for each in self._missed("expired"))

    def trimmed(self) -> list[str | None]:
        return [each.until for each in self._missed("trimmed")]

    def resets(self) -> int:
        return sum(isinstance(each, Reset) for each in self.all)

    def _missed(self, reason: str) -> list[Missed]:
        return [each for each in self.all if isinstance(each, Missed) and each.reason == reason]


class Handled:
    """A handler that remembers; `fails` says for which deliveries it raises, and with what."""

    def __init__(self, fails: Callable[[Delivery], BaseException | None] = lambda _: None) -> None:
        self.deliveries: list[Delivery] = []
        self._fails = fails

    async def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if error := self._fails(delivery):
            raise error

    def texts(self, room: str | None = None) -> list[str]:
        return [
            text_of(each)
            for each in self.deliveries
            if isinstance(each.event, MessagePosted) and room in (None, each.room)
        ]


def text_of(delivery: Delivery) -> str:
    assert isinstance(delivery.event, MessagePosted)
    return delivery.event.text


async def say(
    logs: Logs | Log, *texts: str, room: str = "lobby", ttl: int | None = None
) -> list[str]:
    """Posts texts, one after the other; their ids."""
    log = logs.of(room) if isinstance(logs, Logs) else logs
    return [str((await log.append(Post(room, "me", text, ttl))).id) for text in texts]


async def drain(
    consumer: Consumer, handler: Callable[[Delivery], Awaitable[None]], **how: Any
) -> None:
    """Runs the consumer until it has all that there is, and nothing is left to be tried again."""
    running = asyncio.create_task(consumer.run(handler, **how))
    caught_up = asyncio.create_task(consumer.caught_up())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait({running, caught_up}, return_when=asyncio.FIRST_COMPLETED)
        consumer.stop()
        await running
    finally:
        for task in (running, caught_up):
            task.cancel()


def pending(client: redis.Redis, group: str) -> int:
    """How many entries the group's consumers hold."""
    found: dict[str, int] = client.xpending(KEYS.log, group)
    return found["pending"]


def letters(client: redis.Redis, group: str) -> list[dict[str, str]]:
    """The group's dead letters, the oldest first."""
    return [
        {name.decode(): value.decode(errors="replace") for name, value in letter.items()}
        for _, letter in client.xrange(KEYS.dead(group))
    ]


def counted(client: redis.Redis, group: str, name: str) -> int:
    """What is counted for the group under a name."""
    return int(client.hget(KEYS.group(group), name) or 0)
