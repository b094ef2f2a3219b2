"""One partition's parts in one hand, each a turn at a time, through a proxy; for the model test."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

import web.partition
from consumers.group import Group
from consumers.projector import Projector
from consumers.redelivery import Redelivery
from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Logs
from messenger.loops import AWAY
from messenger.settings import load
from tests.faults import faketime
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from web.feed import Feed

_T = TypeVar("_T")
_NEAR_MS = 50
_TURNS = 200


class Parts:
    """Log, projector, redelivery, sweeper and feed of an empty store."""

    def __init__(self, private: PrivateStore, window_ms: int) -> None:
        self.private = private
        self.client = private.client()
        self._loop = asyncio.new_event_loop()
        self._window_ms = window_ms
        self.ahead_s = 0
        self.set_clock(0)
        self.client.flushall()
        self.run(self._open())

    def run(self, work: Awaitable[_T]) -> _T:
        return self._loop.run_until_complete(work)

    async def _open(self) -> None:
        self.proxy = Proxy(self.private.socket)
        await self.proxy.__aenter__()
        self.store = Store(self.proxy.url)
        self.logs = Logs(self.store, load({"window": f"{self._window_ms}ms", "post_rate": "off"}))
        await self.logs.settle()
        (self.log,) = self.logs.all
        self.projector = Projector(self.log)
        self.redelivery = Redelivery(self.log)
        self.sweeper = Sweeper(self.logs)
        self.feed = Feed(self.logs)
        (self.partition,) = self.feed.partitions

    def close(self) -> None:
        self.run(self._close())
        self.client.close()
        self._loop.close()

    async def _close(self) -> None:
        await self.partition.close()
        await self.store.close()
        await self.proxy.__aexit__(None, None, None)

    def set_clock(self, ahead_s: int) -> None:
        """The store's clock is so far ahead of ours; always 0 where libfaketime is not installed."""
        self.ahead_s = ahead_s
        if faketime.library():
            faketime.set_clock(self.private.environment, ahead_s)

    def believe_clock(self) -> None:
        """Reads until the feed's clock is the store's: one that was set back takes some looks."""
        for _ in range(_TURNS):
            self.run(self.turn(self.partition.step()))
            if abs(self.feed.clock.now() - now_ms(self.client)) < _NEAR_MS:
                return
        raise AssertionError("the feed does not believe the store's clock")

    def kill_projector(self, name: str) -> None:
        """It dies with a batch in its hands; another consumer begins where it was."""
        self.run(self._die(name))
        self.projector = Projector(self.log)

    async def _die(self, name: str) -> None:
        group = Group(self.log)
        group.consumer = name
        if self.has_unread():
            await self.turn(group.new())
        await group.close()

    def catch_up(self) -> None:
        """The tail reads what there is; a lost reply is asked for again."""
        self.run(self._catch_up())

    async def _catch_up(self) -> None:
        for _ in range(_TURNS):
            heard_at = self.partition.heard_at
            await self.turn(self.partition.step())
            is_heard = self.partition.heard_at > heard_at
            newest = self.client.xrevrange(KEYS.log, count=1)
            is_read = not newest or self.partition.position >= EntryId.read(newest[0][0])
            assert self.log.facts is not None
            is_current = self.partition.epoch == self.log.facts.epoch
            if is_heard and self.partition.is_ready and is_current and is_read:
                return
        raise AssertionError("the tail does not come to the end")

    def project(self) -> None:
        """The projector has a turn, if there is anything to read."""
        if self.has_unread():
            self.run(self.turn(self.projector.step()))

    def project_all(self) -> None:
        """Everything is projected, also what dead projectors hold."""
        self.run(self._project_all())

    async def _project_all(self) -> None:
        for _ in range(_TURNS):
            if self.has_unread():
                await self.turn(self.projector.step())
            await self.turn(self.redelivery.step())
            if not self.has_unread() and not self.client.xpending(KEYS.log, PROJECTOR)["pending"]:
                return
            self._let_grow_old()
        raise AssertionError("the projector does not come to the end")

    def has_unread(self) -> bool:
        """Whether the group has entries to be given: a read that finds none would wait."""
        (group,) = self.client.xinfo_groups(KEYS.log)
        return bool(
            self.client.xrange(KEYS.log, f"({group['last-delivered-id'].decode()}", count=1)
        )

    def _let_grow_old(self) -> None:
        """What the dead hold has been idle for long enough to be taken over, without waiting for it."""
        for each in self.client.xpending_range(KEYS.log, PROJECTOR, "-", "+", 1_000):
            self.client.xclaim(
                KEYS.log, PROJECTOR, each["consumer"], 0, [each["message_id"]], idle=60_000
            )

    @staticmethod
    async def turn(step: Awaitable[object]) -> None:
        """One turn of a loop, which takes a lost reply as `persist` does."""
        with contextlib.suppress(AWAY):
            await step


# A read of the log that finds nothing does not wait: the next turn is for the model to say.
BLOCK = (web.partition, "BLOCK_MS", None)
