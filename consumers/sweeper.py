"""The sweeper: takes expired texts out of the store every second, also when nobody posts."""

import asyncio
import logging

import msgspec

from messenger.keys import PROJECTOR
from messenger.log import Log, Logs
from messenger.loops import persist
from messenger.scripts import load

log = logging.getLogger(__name__)

# The promise is one second from expiry to erasure; twice in that time leaves room for the work.
_EVERY_S = 0.5
_MOST = 1_000
_AHEAD_MS = 1_000

_SWEEP = load("consumers", "sweep", parts=("views", "groups", "forget", "letters"))


class Swept(msgspec.Struct, frozen=True):
    """One sweep of one log: how many entries went, how late the oldest was, and how far the newest
    id is ahead of the store's clock (it was set back)."""

    removed: int
    late_ms: int
    ahead_ms: int


class Sweeper:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._is_ahead = False

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "sweeper", self.step, every_s=_EVERY_S)

    async def step(self) -> Swept:
        """Sweeps every log until nothing is due."""
        swept = [await self._sweep(each) for each in self._logs.all]
        total = Swept(
            removed=sum(one.removed for one in swept),
            late_ms=max(one.late_ms for one in swept),
            ahead_ms=max(one.ahead_ms for one in swept),
        )
        self._watch_clock(total.ahead_ms)
        return total

    async def _sweep(self, of: Log) -> Swept:
        keys = of.keys
        removed = late_ms = ahead_ms = 0
        more = 1
        while more:
            reply = await of.store.pipe.run(
                _SWEEP,
                [keys.log, keys.meta, keys.expiring, keys.letters, keys.dead(PROJECTOR)],
                [_MOST],
            )
            if not reply:
                break
            _, gone, more, late, ahead_ms, foreign = reply
            if foreign:
                log.warning(
                    "partition %d: somebody has taken %d entries out of the log by hand",
                    keys.partition,
                    foreign,
                )
            removed, late_ms = removed + gone, max(late_ms, late)
        return Swept(removed, late_ms, ahead_ms)

    def _watch_clock(self, ahead_ms: int) -> None:
        """Says once when the store's clock was set back, and once when it is right again."""
        is_ahead = ahead_ms > _AHEAD_MS
        if is_ahead != self._is_ahead:
            if is_ahead:
                log.error(
                    "the store's clock was set back by %d ms: new ids do not tell the time",
                    ahead_ms,
                )
            else:
                log.info("the store's clock is past the newest id again")
        self._is_ahead = is_ahead
