"""The door for Python programs: a consumer group on the log. docs/consumers.md explains it.

async with Consumer("redis://localhost", group="mailer") as consumer:
    async for delivery in consumer:
        print(delivery.event)
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from consumers.delivery import Delivery
from consumers.groups import Lag, read_lag
from consumers.hand import Hand
from consumers.intake import Intake
from consumers.keeper import Keeper
from consumers.membership import Retries, beginning, membership
from consumers.reports import Reporter, write_to_log
from consumers.share import Share
from messenger.address import Argument
from messenger.adopt import adopt
from messenger.clock import StoreClock, ms_of
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.keys import Keys
from messenger.log import Logs
from messenger.loops import AWAY
from messenger.scripts import load
from messenger.settings import load as load_settings

log = logging.getLogger(__name__)

# How many deliveries lie ready for each that can be handled at a time: enough that none waits for the
# store, and few enough that another consumer gets its part.
_READY_EACH = 8
_READY_LEAST = 16
# A mark outlives its message by so much: somebody may still be handling it.
_MARK_MS = 60_000

_ONCE = load("consumers", "once")

Handler = Callable[[Delivery], Awaitable[None]]
BatchHandler = Callable[[list[Delivery]], Awaitable[None]]


class Consumer:
    """One consumer of a group, on all partitions of a store, or on one room.

    url      the store: redis://, rediss:// or unix://, redis+cluster:// or redis+sentinel://
    group    the group's name; consumers of one name share the work
    since    where a new group begins: window, now, an id, a time or a duration ago. A group that is
             there goes on where it was
    room     only this room's events; those of others are skipped
    name     this consumer's name, if it should stay the same over restarts; never two at a time
    retries  how often and when an event comes again
    report   is told what is missed and that the log began anew; without it that is logged

    Raises BadRequest for what is not allowed, and at `async with` StoreUnavailable where there is no
    store, or one that no messenger has used yet. Later a store that is away is waited for.
    """

    def __init__(
        self,
        url: str,
        group: str,
        *,
        since: str = "window",
        room: str | None = None,
        name: str | None = None,
        retries: Retries | None = None,
        report: Reporter = write_to_log,
    ) -> None:
        self._url = url
        self._since = since
        self._membership = membership(group, name, room, retries or Retries())
        self._report = report
        self._clock = StoreClock()
        self._hand = Hand(_READY_LEAST)
        self._stop = asyncio.Event()
        self._end = asyncio.Event()
        self._shares: dict[int, Share] = {}
        self._intakes: list[Intake] = []
        self._keepers: list[Keeper] = []
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Consumer":
        self._store = Store(self._url)
        try:
            await self._start()
        except BaseException:
            await self._store.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The order of the stop: nothing more is read; only now, when the program has finished what it
        had begun, no more signs of life; the last reports; what is held and not done is handed back.
        """
        self.stop()
        self._end.set()
        try:
            await asyncio.gather(*self._loops, return_exceptions=True)
            await asyncio.gather(*(keeper.close() for keeper in self._keepers))
            with suppress(*AWAY):
                await asyncio.gather(*(share.release() for share in self._shares.values()))
        finally:
            await self._store.close()
        if self._hand.error is not None and not self._hand.is_told:
            raise self._hand.error

    @property
    def is_new(self) -> bool:
        """Whether the group was not there before, so that it began where it was told to."""
        return any(share.is_new for share in self._shares.values())

    def __aiter__(self) -> AsyncIterator[Delivery]:
        """The deliveries, one at a time, until stop(). Asking for the next says that the one before is
        done, unless it was given to retry(). One at which the program leaves the loop is not done, and
        comes again."""
        return self._iterate()

    async def run(self, handler: Handler, *, concurrency: int = 1) -> None:
        """Hands each delivery to the handler, several at a time but of each room one after the other,
        until stop(). One that is handled is acked; one whose handler raises is tried again later."""
        _check("concurrency", concurrency)
        self._hand.wanted = max(_READY_LEAST, concurrency * _READY_EACH)
        await _together(self._handle(handler) for _ in range(concurrency))

    async def run_batches(self, handler: BatchHandler, *, most: int = 100) -> None:
        """Hands over what there is, up to so many at a time, the oldest first, until stop(). A batch is
        acked in one step; where the handler raises, each of it is tried again, alone."""
        _check("most", most)
        self._hand.wanted = 2 * most
        while batch := await self._next_batch(most):
            try:
                await handler(batch)
            except Exception as error:
                await self._settle(self._retry(batch, error))
            else:
                await self.ack(*batch)

    def stop(self) -> None:
        """Ends the run or the iteration: what is being handled is finished, and nothing new begun."""
        self._stop.set()
        self._hand.close()

    async def ack(self, *deliveries: Delivery) -> None:
        """They are done. Waits for a store that is away: what is not acked comes again."""
        left = [each for each in deliveries if not each.is_settled]
        for each in left:
            each.is_settled = True
        for partition in sorted({each.partition for each in left}):
            done = [each for each in left if each.partition == partition]
            await self._settle(self._shares[partition].ack(done))

    async def retry(self, delivery: Delivery, error: BaseException | str) -> None:
        """It could not be handled: it comes again after a while, and until then no other of its room.
        After the last attempt it is buried, with the error. One that was acked stays done."""
        await self._settle(self._retry([delivery], error))

    async def once(self, delivery: Delivery, *commands: Sequence[Argument]) -> bool:
        """Does commands in the same store for a delivery, all in one step with the mark that they were
        done; whether they were done now, and not before. The mark lives a minute longer than the event.
        In a cluster the keys must have the partition's hash tag.

            await consumer.once(delivery, ("HINCRBY", "posts", delivery.room, 1))
        """
        words = [word for command in commands for word in (len(command), *command)]
        keys = Keys(delivery.partition)
        mark = keys.done(self._membership.group, str(delivery.id))
        until = delivery.expires_at + _MARK_MS
        share = self._shares[delivery.partition]
        pipe = self._logs.all[delivery.partition].store.pipe
        return bool(await share.insist(lambda: pipe.run(_ONCE, [mark], [until, *words])))

    async def caught_up(self) -> None:
        """Until this consumer has handled all that there was when it was asked. What another one holds
        is not waited for."""
        for intake in self._intakes:
            intake.at_end.clear()
        waits = [intake.at_end for intake in self._intakes]
        waits += [keeper.has_looked for keeper in self._keepers] + [self._hand.empty]
        while not all(each.is_set() for each in waits):
            await asyncio.gather(*(each.wait() for each in waits))

    async def lag(self) -> Lag:
        """How far the group is behind, from the entries themselves: true also after trims."""
        group = self._membership.group
        return await read_lag([self._logs.all[partition] for partition in self._shares], group)

    async def _start(self) -> None:
        settings = await adopt(self._store, load_settings({}, {}))
        if settings is None:
            raise StoreUnavailable("nobody has used this store yet; start `messenger up` on it")
        self._logs = Logs(self._store, settings)
        begin = await self._begin()
        room = self._membership.room
        chosen = self._logs.all if room is None else [self._logs.of(room)]
        for log in chosen:
            share = Share(log, self._membership, self._hand, self._clock, self._stop)
            await share.join(self._report, begin)
            self._shares[share.partition] = share
            self._intakes.append(Intake(share, self._report))
            self._keepers.append(Keeper(share, self._membership, self._report))
        runs = [intake.run(self._stop) for intake in self._intakes]
        runs += [keeper.run(self._end) for keeper in self._keepers]
        for run in runs:
            task = asyncio.create_task(run)
            task.add_done_callback(self._look_at)
            self._loops.append(task)

    async def _begin(self) -> EntryId:
        now = int(ms_of(await self._store.pipe.call("TIME")))
        self._clock.look(now)
        return beginning(self._since, now)

    def _look_at(self, loop: asyncio.Task[None]) -> None:
        """A loop that breaks ends whoever waits for deliveries, with its error."""
        if not loop.cancelled() and (error := loop.exception()) is not None:
            self._hand.fail(error)

    async def _iterate(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._next()) is not None:
            yield delivery
            await self.ack(delivery)

    async def _handle(self, handler: Handler) -> None:
        while (delivery := await self._next()) is not None:
            try:
                await handler(delivery)
            except Exception as error:
                await self.retry(delivery, error)
            else:
                await self.ack(delivery)

    async def _next(self) -> Delivery | None:
        while (delivery := await self._hand.take()) is not None:
            if await self._may_begin(delivery):
                return delivery
        return None

    async def _next_batch(self, most: int) -> list[Delivery]:
        while taken := await self._hand.take_many(most):
            batch = [each for each in taken if await self._may_begin(each)]
            if batch:
                return batch
        return []

    async def _may_begin(self, delivery: Delivery) -> bool:
        """At the stop a store that is away is not waited for."""
        try:
            return await self._shares[delivery.partition].begin(delivery)
        except AWAY:
            if not self._stop.is_set():
                raise
            return False

    async def _settle(self, settling: Awaitable[None]) -> None:
        """At the stop a store that is away is not waited for: what was not acked comes again."""
        try:
            await settling
        except AWAY as error:
            if not self._stop.is_set():
                raise
            log.warning("what was handled last was not acked, and comes again (%s)", error)

    async def _retry(self, failed: Sequence[Delivery], error: BaseException | str) -> None:
        left = [each for each in failed if not each.is_settled]
        for each in left:
            each.is_settled = True
        again = [each for each in left if await self._shares[each.partition].retry(each, error)]
        if again:
            self._hand.again(again, self._membership.retries.wait_s(again[0].attempt - 1))


def _check(name: str, count: int) -> None:
    if count < 1:
        raise ValueError(f"{name} is {count}; allowed: 1 or more")


async def _together(running: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs them side by side. What breaks one breaks all, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in running:
                group.create_task(each)
    except BaseExceptionGroup as error:
        raise error.exceptions[0] from None
