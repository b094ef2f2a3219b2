"""What every background loop is made of: a sleep that a stop ends, and a capped back-off."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.exceptions

from messenger.errors import Unavailable

log = logging.getLogger(__name__)

# redis-py's errors for a store that is away, starting, or not writable for now. A reply that only
# names a mistake of ours is not among them: that must end the process.
AWAY = (
    Unavailable,
    OSError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
)

# Under five tries a second from the first on, and at work again within two of the store's return.
_FIRST_S = 0.25
_CAP_S = 1.0

_T = TypeVar("_T")


class Stopped(Exception):
    """The stop came before what was waited for."""


def backoff_s(tries: int, first_s: float, cap_s: float) -> float:
    """How long to wait after so many tries: twice as long each time, up to a cap, with jitter."""
    return min(cap_s, first_s * 2.0 ** min(tries, 16)) * random.uniform(0.8, 1.2)


class Backoff:
    """Waits that double to a cap; jitter keeps processes from trying in step."""

    def __init__(self, first_s: float = _FIRST_S, cap_s: float = _CAP_S) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self.tries = 0

    def next_s(self) -> float:
        wait = backoff_s(self.tries, self._first_s, self._cap_s)
        self.tries += 1
        return wait

    def reset(self) -> None:
        self.tries = 0


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleeps, but no longer than until the stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


def look_at(task: asyncio.Future[Any]) -> None:
    """For a task that nobody may wait for any more: its error is not complained of."""
    if not task.cancelled():
        task.exception()


async def unless(stop: asyncio.Event, asked: Awaitable[_T]) -> _T:
    """What was asked for; raises Stopped, and lets go of it, if the stop comes first."""
    task = asyncio.ensure_future(asked)
    stopping = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {task, stopping}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Stopped
        return task.result()
    finally:
        task.cancel()
        stopping.cancel()


async def patiently(
    stop: asyncio.Event, name: str, ask: Callable[[], Awaitable[_T]], *, for_s: float
) -> _T:
    """What `ask` gives. A store that is away is asked again, and said once, for so many seconds: then
    its error is raised. Raises Stopped at the stop."""
    backoff, patient_until = Backoff(), asyncio.get_running_loop().time() + for_s
    while not stop.is_set():
        try:
            return await unless(stop, ask())
        except AWAY as error:
            if backoff.tries == 0:
                log.warning("%s: the store is away (%s)", name, error)
            if asyncio.get_running_loop().time() > patient_until:
                raise
            await pause(stop, backoff.next_s())
    raise Stopped


async def persist(
    stop: asyncio.Event, name: str, step: Callable[[], Awaitable[object]], *, every_s: float = 0.0
) -> None:
    """Runs `step` again and again until the stop. A store that is away is waited for, and said once.

    Anything else that goes wrong is raised, and ends the process: no loop dies unseen.
    """
    backoff = Backoff()
    while not stop.is_set():
        try:
            await step()
        except AWAY as error:
            if backoff.tries == 0:
                log.warning("%s: the store is away (%s)", name, error)
            await pause(stop, backoff.next_s())
            continue
        if backoff.tries:
            log.info("%s: the store is back", name)
            backoff.reset()
        if every_s:
            await pause(stop, every_s)
