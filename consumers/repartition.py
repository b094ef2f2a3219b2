"""More partitions, while everything goes on (docs/repartition.md).

Each new partition has the rooms of one old one, for the new number is a multiple of the old. First what
moves is copied into the new partitions, under the same ids, while posts come in; they project and
sweep it, and nobody else knows of them. Then a fence goes up, what came since is copied, the number is
changed at one moment, and what has moved is taken out of the old partitions.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import msgspec

from consumers.carrying import Carrying, facts_of, words
from consumers.memory import read_memory
from consumers.moving import HELD, LOST, Moving
from consumers.projector import Projector
from consumers.rebuild import KEEP_EVERY_S, LEASE_MS
from consumers.splitting import PAGE, Split
from consumers.sweeper import Sweeper
from messenger.entries import START, EntryId
from messenger.errors import RepartitionLost, StoreFull
from messenger.keys import PROJECTOR
from messenger.log import Facts, Log, Logs
from messenger.loops import AWAY, Stopped, pause
from messenger.replies import Reply, facts
from messenger.scripts import load
from messenger.settings import Settings

# The fence is down again after this, whatever happens; who is slower gives up before.
_FENCE_MS = 10_000
_FENCED_S = 8.0
_LOOK_S = 0.01
# How long the end of one that is given up may take.
_LEAVE_S = 20.0
# A store that is fuller than this with the copies would cut messages early.
_FULL = 0.8

_FOUND = load("consumers", "found")


class _Target(Log):
    """A partition that is made: one that has vanished is not begun anew."""

    async def settle(self) -> Facts:
        raise RepartitionLost("the store has forgotten what was copied; it serves as before")


class Repartition:
    """One repartition. `entries` is how many were gone through, `moved` how many of them are in new
    partitions; `done` how much of it all, from 0 to 1; `refused_s` for how long posts had to wait."""

    def __init__(self, logs: Logs, settings: Settings, to: int, stop: asyncio.Event) -> None:
        self.done = 0.0
        self.refused_s = 0.0
        self._old = len(logs.all)
        self._stop = stop
        self._moving = Moving(logs.store, logs.all, to, stop, settings.replicas)
        more = msgspec.structs.replace(settings, partitions=to)
        self._targets = Logs(logs.store, more, _Target)
        self._targets.all = self._targets.all[self._old :]
        self._splits = [self._split_of(log) for log in logs.all]
        self._trimmed_to: list[Reply] = []
        self._is_over = False

    @property
    def entries(self) -> int:
        return sum(split.entries for split in self._splits)

    async def run(self) -> bool:
        """Does it; whether it came to its end, before the stop. From the moment on in which the new
        number is in force a stop comes too late, and it goes on.

        Raises RebuildRunning, RepartitionLost, StoreFull and StoreUnavailable. Whatever ends it, the
        store serves as before, or the new number is in force.
        """
        async with self._moving.held():
            try:
                await self._prepare()
                async with self._working():
                    await self._copy()
                    await self._switch()
            except Stopped:
                pass
            finally:
                if not self._is_over:
                    await self._leave()
        return self._is_over

    async def _leave(self) -> None:
        """Goes back, or, where the new number is in force, to the end. A store that is away is left:
        the fence comes down by itself, and a worker does the rest (moving.py)."""
        self._moving.stop = asyncio.Event()
        with contextlib.suppress(TimeoutError, RepartitionLost, *AWAY):
            async with asyncio.timeout(_LEAVE_S):
                if await self._moving.decide():
                    await self._end()
                else:
                    await self._moving.undo()

    async def _end(self) -> None:
        await self._moving.finish()
        self._is_over = True
        self.done = 1.0

    async def _prepare(self) -> None:
        """Founds the new partitions. What a repartition that died has left of them goes first."""
        await self._moving.begin()
        await self._moving.clear()
        await self._require_room()
        for split in self._splits:
            log = split.log
            begin = words(await split.ask(partial(facts_of, log)))
            secret = await split.ask(partial(log.store.pipe.call, "GET", log.keys.secret))
            cut = await split.ask(partial(log.store.pipe.call, "HGET", log.keys.meta, "trimmed_to"))
            self._trimmed_to.append(cut)
            for target in split.targets.values():
                keys, partitions = target.keys, self._moving.numbers.new
                names = [keys.log, keys.meta, keys.expiring, keys.secret]
                until = await self._moving.may_until()
                args = [self._moving.word, LEASE_MS, partitions, secret, until, *begin]
                if not await split.ask(partial(target.store.pipe.run, _FOUND, names, args)):
                    raise RepartitionLost(LOST)

    async def _require_room(self) -> None:
        """All copies are in the store beside what they are copied of, for a while."""
        needed: dict[str, tuple[Log, int]] = {}
        for split in self._splits:
            log, shares = split.log, len(split.targets) + 1
            usage = int(await log.store.pipe.call("MEMORY", "USAGE", log.keys.log) or 0)
            for target in split.targets.values():
                server = await target.store.pipe.server()
                _, before = needed.get(server, (target, 0))
                # Log, and view.
                needed[server] = target, before + 2 * usage // shares
        for target, more in needed.values():
            memory = await read_memory(target.store)
            if memory.limit and memory.used + more > memory.limit * _FULL:
                raise StoreFull(
                    f"the store has {memory.used >> 20} MB of {memory.limit >> 20} in use, and the "
                    f"copies take about {-(-more >> 20)} more for a while; allowed: a limit that "
                    "leaves room"
                )

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """The new partitions' own worker, and their signs of life."""
        self._projected = asyncio.Event()
        ended = asyncio.Event()
        loops = [asyncio.create_task(Sweeper(self._targets).run(ended))]
        loops += [
            asyncio.create_task(Projector(log).run(self._projected)) for log in self._targets.all
        ]
        loops.append(asyncio.create_task(self._keep(self._projected)))
        self._loops = loops
        try:
            yield
        finally:
            self._projected.set()
            ended.set()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _keep(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Stopped, *AWAY):
                for split in self._splits:
                    await split.keep()
            await pause(stop, KEEP_EVERY_S)

    async def _copy(self) -> None:
        """Until what is left is what comes in the time of a page."""
        for number, split in enumerate(self._splits):
            last = await self._last_of(split.log)
            while await split.next() == PAGE:
                self._require_working()
                part = min(split.position.ms / max(last.ms, 1), 1.0)
                self.done = 0.9 * (number + part) / len(self._splits)
            self.done = 0.9 * (number + 1) / len(self._splits)
        # What came to the first ones while the last ones were copied.
        while PAGE in [await split.next() for split in self._splits]:
            self._require_working()

    async def _switch(self) -> None:
        """The last step: posts wait for it."""
        loop = asyncio.get_running_loop()
        while not all([await self._is_projected(split) for split in self._splits]):
            self._require_working()
            await pause(self._stop, _LOOK_S)
            if self._stop.is_set():
                raise Stopped
        began = loop.time()
        last = await self._moving.put(_FENCE_MS)
        try:
            async with asyncio.timeout(_FENCED_S):
                await self._catch_up(last)
        except TimeoutError:
            raise RepartitionLost(
                "the last step, in which posts wait, would take longer than "
                f"{_FENCED_S:.0f} s; the store serves as before: run it again when there is less to do"
            ) from None
        self._moving.stop = asyncio.Event()
        self._moving.moved = {split.log.keys.partition: split.moved for split in self._splits}
        await self._moving.commit()
        await self._end()
        self.refused_s = loop.time() - began

    async def _catch_up(self, last: list[EntryId]) -> None:
        for split, until in zip(self._splits, last, strict=True):
            while split.position < until and await split.next(until):
                pass
            while not await self._is_projected(split):
                self._require_working()
                await asyncio.sleep(_LOOK_S)
        self._projected.set()
        for split, until, cut in zip(self._splits, last, self._trimmed_to, strict=True):
            await Carrying(split, until, cut).run()
        for target in self._targets.all:
            keys, pipe = target.keys, target.store.pipe
            # From here on no sign of life gives it an end again (split.lua).
            # Nor does anything come in before there is no way back (moving.py).
            await pipe.call("HSET", keys.meta, "split", "whole", "fence", HELD)
            for key in (keys.log, keys.meta, keys.expiring, keys.secret):
                await pipe.call("PERSIST", key)
            await self._moving.require_replicas(target)

    async def _is_projected(self, split: Split) -> bool:
        for target in split.targets.values():
            key, pipe = target.keys.log, target.store.pipe
            newest = await pipe.call("XREVRANGE", key, "+", "-", "COUNT", 1)
            groups = [facts(raw) for raw in await pipe.call("XINFO", "GROUPS", key)]
            group = next(each for each in groups if each["name"] == PROJECTOR.encode())
            delivered = EntryId.read(group["last-delivered-id"])
            if group["pending"] or (newest and delivered < EntryId.read(newest[0][0])):
                return False
        return True

    async def _last_of(self, log: Log) -> EntryId:
        newest = await log.store.pipe.call("XREVRANGE", log.keys.log, "+", "-", "COUNT", 1)
        return EntryId.read(newest[0][0]) if newest else START

    def _require_working(self) -> None:
        """Raises what has ended a loop of the new partitions."""
        for loop in self._loops:
            if loop.done():
                loop.result()

    def _split_of(self, log: Log) -> Split:
        targets = {
            each.keys.partition: each
            for each in self._targets.all
            if each.keys.partition % self._old == log.keys.partition
        }
        moving = self._moving
        return Split(log, targets, moving.numbers.new, moving.word, self._stop)
