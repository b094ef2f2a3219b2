"""The last step of a repartition, and its end: what is the same whoever does it, also after its begin
was killed.

Which way a repartition that was killed goes is told by the store: if the first partition has the new
number, to its end; else back, and the old partitions go on as if nothing had been.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from consumers.rebuild import KEEP_EVERY_S, LEASE_MS
from consumers.scan import every_key, partition_of_key
from consumers.splitting import PAGE, PATIENCE_S, Moved, moves_to, read_page
from messenger.address import Argument
from messenger.clock import ms_of
from messenger.confirmed import MARK_LIFE_MS, WAIT_MS
from messenger.connection import Store
from messenger.entries import START, EntryId
from messenger.errors import RebuildRunning, RepartitionLost
from messenger.keys import Keys
from messenger.log import Log, Logs
from messenger.loops import AWAY, patiently
from messenger.replies import Reply
from messenger.scripts import Script, load
from messenger.settings import Settings

_FENCE = load("consumers", "fence", parts=("groups",))
_CLEAN = load("consumers", "clean", parts=("views", "groups", "letters"))
_UNCOUNT = load("consumers", "uncount")
_DROP = load("consumers", "drop")
_LEASE = load("consumers", "lease")

# Less than the lease, by more than clocks are apart.
_MAY_MS = 5_000
# As in fence.lua.
HELD = 2**53 - 1
LOST = (
    "the store was away for too long, or too slow; it serves as before, or the new number is in force: "
    "run it again to see"
)

_T = TypeVar("_T")


class Numbers(NamedTuple):
    """How many partitions there were, and will be."""

    old: int
    new: int

    def __str__(self) -> str:
        return f"{self.old} {self.new}"

    @classmethod
    def read(cls, raw: bytes) -> "Numbers":
        old, new = raw.split()
        return cls(int(old), int(new))


class Moving:
    """A hold of the partitions that there were, `logs`, for as long as nobody else has taken it."""

    def __init__(
        self, store: Store, logs: Sequence[Log], new: int, stop: asyncio.Event, replicas: int
    ) -> None:
        self.store = store
        self.logs = logs
        self.numbers = Numbers(len(logs), new)
        self.word = secrets.token_hex(8)
        self.stop = stop
        self.replicas = replicas
        # What has moved, by the partition that it comes from, as far as we have seen it.
        self.moved: dict[int, Moved] = {}

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Holds the partitions while the block runs, unless the store is away for too long. Raises
        RebuildRunning where a rebuild or another repartition is at work."""
        await self._take()
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def _take(self) -> None:
        taken: list[Log] = []
        for log in self.logs:
            left = await self._lease(log, "take")
            if left:
                for each in reversed(taken):
                    await self.fence(each, "leave")
                raise RebuildRunning(
                    "a rebuild or another repartition is at work; one that died is forgotten after "
                    f"{-(-left // 1_000)} s"
                )
            taken.append(log)

    async def begin(self) -> None:
        """From here on a worker takes away what there is, should we die."""
        _held(await self.fence(self.logs[0], "begin", str(self.numbers)))

    async def put(self, ms: int) -> list[EntryId]:
        """Puts the fence up, for so long at the most; the last id of each log."""
        last = [await self.fence(log, "put", ms) for log in self.logs]
        return [EntryId.read(_held(each)) for each in last]

    async def commit(self) -> None:
        """From here on the new number is in force."""
        for log in self.logs[:0:-1]:
            _held(await self.fence(log, "hold"))
        old, new = self.numbers
        _held(await self.fence(self.logs[0], "commit", new, old))

    async def decide(self) -> bool:
        """Whether the new number is in force; if not, it can't be any more."""
        outcome = await self.fence(self.logs[0], "back", self.numbers.new)
        return _held(outcome) == b"moved"

    async def undo(self) -> None:
        """The old partitions go on, and nothing is left of the new ones."""
        for log in self.logs:
            await self.fence(log, "back", self.numbers.new)
        await self.clear()
        for log in reversed(self.logs):
            await self.fence(log, "lift")

    async def finish(self) -> None:
        """Takes out of the old partitions what has moved, and opens them, the first one last."""
        # A failover that lost the commit must still find a way back.
        await self.require_replicas(self.logs[0])
        for log in self.logs[1:]:
            _held(await self.fence(log, "number", self.numbers.new))
        for number in range(*self.numbers):
            pipe = self.store.of(number).pipe
            await self.ask(partial(pipe.call, "HDEL", Keys(number).meta, "split", "fence"))
        await asyncio.gather(*(self._clean(log) for log in self.logs))
        for log in self.logs[:0:-1]:
            await self.fence(log, "lift")
            # Not with a lease that was lost; while the first one is held a worker tries again.
            if await self.ask(partial(log.store.pipe.call, "HEXISTS", log.keys.meta, "fence")):
                raise RepartitionLost(LOST)
        await self.fence(self.logs[0], "lift")

    async def require_replicas(self, log: Log) -> None:
        """Where a message counts only when so many replicas have it, they have what was written now."""
        if not self.replicas:
            return
        mark = ("SET", log.keys.mark, "", "PX", MARK_LIFE_MS)
        _, told = await log.store.pipe.once(mark, ("WAIT", self.replicas, WAIT_MS))
        if told < self.replicas:
            raise RepartitionLost(
                f"the store does not say that {self.replicas} replicas have what was done "
                "(MESSENGER_REPLICAS); it serves as before, or the new number is in force and a worker "
                "goes on"
            )

    async def clear(self) -> None:
        """Takes away whatever there is of the new partitions."""
        async for keys, _ in every_key(self.store, self.stop):
            found: dict[int, list[bytes]] = {}
            for key in keys:
                number = partition_of_key(key)
                if number is not None and self.numbers.old <= number < self.numbers.new:
                    found.setdefault(number, []).append(key)
            for number, names in found.items():
                pipe, until = self.store.of(number).pipe, await self.may_until()
                whose: list[Argument] = [Keys(number).meta, *names]
                if await self.ask(partial(pipe.run, _DROP, whose, [until])) < 0:
                    raise RepartitionLost(LOST)

    async def may_until(self) -> int:
        """Until when what is only for who holds the partitions may be done, wherever it is; ms."""
        first = self.logs[0]
        if await self._lease(first, "keep"):
            raise RepartitionLost(LOST)
        return int(ms_of(await self.ask(partial(first.store.pipe.call, "TIME")))) + _MAY_MS

    async def fence(self, log: Log, verb: str, *more: Argument) -> bytes:
        keys, args = [log.keys.log, log.keys.meta], [self.word, verb, *more]
        said: bytes = await self.ask(partial(log.store.pipe.run, _FENCE, keys, args))
        return said

    async def ask(self, what: Callable[[], Awaitable[_T]]) -> _T:
        return await patiently(self.stop, "repartition", what, for_s=PATIENCE_S)

    async def _clean(self, log: Log) -> None:
        moved = self.moved.get(log.keys.partition) or await self._read(log)
        for at in range(0, len(moved.entries), PAGE):
            await self._take_out(log, moved.entries[at : at + PAGE])
        minutes = await self.ask(partial(log.store.pipe.call, "HKEYS", log.keys.moved))
        numbers = sorted({int(each.split(b":")[0]) for each in minutes})
        names = [log.keys.minute(each * 60_000) for each in numbers]
        await self._run(log, _UNCOUNT, [log.keys.moved, *names], [])

    async def _read(self, log: Log) -> Moved:
        """What has moved of a log, for who has not seen it moving."""
        moved, after = Moved(), START
        while page := await self.ask(partial(read_page, log, after)):
            after = EntryId.read(page[-1].id)
            for raw in page:
                if moves_to(raw, self.numbers.new) not in (None, log.keys.partition):
                    moved.note(raw, log.window)
        return moved

    async def _take_out(self, log: Log, entries: Sequence[tuple[bytes, int, bytes]]) -> None:
        """With each page its rooms' indexes: the projector may have made one anew meanwhile."""
        keys, rooms = log.keys, sorted({room for _, _, room in entries})
        names = [keys.log, keys.meta, keys.expiring, keys.letters, keys.moved]
        args: list[Argument] = [self.word, log.window, len(rooms), *rooms]
        args += [word for entry in entries for word in entry[:2]]
        if await self._run(log, _CLEAN, names, args) < 0:
            raise RepartitionLost(LOST)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            # All at once: one that is away must not let the others' leases end.
            await asyncio.gather(*(self._keep_one(log) for log in self.logs))

    async def _keep_one(self, log: Log) -> None:
        with contextlib.suppress(*AWAY):
            await self._lease(log, "keep")

    async def _lease(self, log: Log, what: str) -> int:
        return int(await self._run(log, _LEASE, [log.keys.meta], [self.word, LEASE_MS, what]))

    async def _run(self, log: Log, script: Script, keys: list[str], args: list[Argument]) -> Reply:
        return await self.ask(partial(log.store.pipe.run, script, keys, args))


def _held(said: bytes) -> bytes:
    if not said:
        raise RepartitionLost(LOST)
    return said


async def unfinished(store: Store) -> Numbers | None:
    """What a repartition has begun with its last step and has not ended."""
    raw = await store.pipe.call("HGET", Keys(0).meta, "moving")
    return None if raw is None else Numbers.read(raw)


async def recover(store: Store, settings: Settings) -> Numbers | None:
    """Brings to an end, one way or the other, what a repartition that was killed has left; which numbers
    it was about, or None where there was nothing to do. Raises RebuildRunning while it still lives."""
    left = await unfinished(store)
    if left is None:
        return None
    logs = Logs(store, msgspec.structs.replace(settings, partitions=left.old)).all
    moving = Moving(store, logs, left.new, asyncio.Event(), settings.replicas)
    async with moving.held():
        if await moving.decide():
            await moving.finish()
        else:
            await moving.undo()
    return left
