"""The cutter: when the store is nearly full, it cuts the oldest messages before their time, so that
posting goes on. Never silently: readers are told `trimmed`, it is counted, logged and in readiness."""

import asyncio
import heapq
import logging
from typing import NamedTuple

from consumers.memory import Memory, read_memory
from messenger.log import Log, Logs
from messenger.loops import persist
from messenger.scripts import load

log = logging.getLogger(__name__)

# Past the one it begins to cut, down to the other: so readers are told of a gap now and then, and not
# all the time.
HIGH, LOW = 0.90, 0.85
_EVERY_S = 0.25
# A call holds the store up for some milliseconds. Of a turn's calls there are so many at the most, which
# is more in a second than anybody can post.
_MOST, _LEAST, _KEYS, _CALLS = 500, 10, 2_000, 20
# What was posted so late is kept in any case: a message that is accepted is seen.
_KEPT_MS, _KEPT_SHARE = 5_000, 10
# The row has as much of a message as the log; its place in the index, its key and what they cost are so
# many bytes more, rather too many (docs/operations.md, Sizing).
_BESIDE = 450

_CUT = load("consumers", "cut", parts=("views", "groups"))


class Cut(NamedTuple):
    """One cut: how many entries went, when the oldest that is left was appended (ms; -1 where there is
    none), and where to look on among the keys."""

    entries: int
    begins_at: int
    cursor: bytes


class Cutter:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._servers: dict[str, _OfServer] = {}

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "cutter", self.step, every_s=_EVERY_S)

    @property
    def is_cutting(self) -> bool:
        return any(each.is_cutting for each in self._servers.values())

    async def step(self) -> int:
        """One look at the memory of each server, and some cuts where it is time. How many entries
        went."""
        found = await self._logs_by_server()
        self._servers = {name: self._servers.get(name) or _OfServer() for name in found}
        return sum([await self._servers[name].step(logs) for name, logs in found.items()])

    async def _logs_by_server(self) -> dict[str, list[Log]]:
        if not self._logs.store.is_cluster:
            return {"": self._logs.all}
        found: dict[str, list[Log]] = {}
        for each in self._logs.all:
            found.setdefault(await each.store.pipe.server(), []).append(each)
        return found


class _OfServer:
    """`is_cutting` from the high mark down to the low one. Where that can't be reached, because the
    memory is taken by something else, nothing is cut; then a full store refuses posts."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._cursors: dict[int, bytes] = {}
        self.is_cutting = False
        self._is_high = False
        self._is_stuck = False
        self._entries = 0
        # About how many bytes a message takes, in all its places.
        self._size = 1.0

    async def step(self, logs: list[Log]) -> int:
        """`logs` are those that are on the server now."""
        self._logs = logs
        memory = await read_memory(logs[0].store)
        was_high, self._is_high = self._is_high, memory.exceeds(HIGH)
        if not self.is_cutting:
            # Twice in a row: a large reply to somebody takes memory too, for a moment.
            is_due = self._is_high and was_high
            self.is_cutting, self._entries = is_due and await self._would_help(memory), 0
        before = self._entries
        if self.is_cutting:
            await self._cut_some(memory)
        return self._entries - before

    async def _would_help(self, memory: Memory) -> bool:
        """Whether to cut all would bring the memory under the mark: else it is taken by something else,
        and to cut would only do harm."""
        entries, size = 0, 0
        for each in self._logs:
            count, usage = await _measure(each)
            entries, size = entries + count, size + 2 * usage + _BESIDE * count
        self._size = size / max(entries, 1)
        helps = max(memory.used - size, memory.empty) <= memory.limit * HIGH
        if not helps and not self._is_stuck:
            log.error("the store is nearly full, and not of messages: posts will be refused")
        self._is_stuck = not helps
        return helps

    async def _cut_some(self, memory: Memory) -> None:
        """Cuts the oldest of all logs, again and again, until there is room or the turn is over."""
        begins = [(at, each) for each in range(len(self._logs)) if (at := await self._begin(each))]
        heapq.heapify(begins)
        for _ in range(_CALLS):
            if not memory.exceeds(LOW) or not begins:
                self._finish()
                return
            _, place = heapq.heappop(begins)
            done = await self._cut(self._logs[place], memory)
            self._entries += done.entries
            # Where nothing went, what is left is too young.
            if done.entries and done.begins_at >= 0:
                heapq.heappush(begins, (done.begins_at, place))
            memory = await read_memory(self._logs[0].store)

    async def _cut(self, of: Log, memory: Memory) -> Cut:
        partition = of.keys.partition
        wanted = int((memory.used - memory.limit * LOW) / self._size)
        cursor = self._cursors.get(partition, b"0")
        done = await cut(of, min(_MOST, max(_LEAST, wanted)), cursor)
        self._cursors[partition] = done.cursor
        return done

    async def _begin(self, place: int) -> int:
        """When the oldest entry of a log was appended, in ms; 0 where there is none."""
        of = self._logs[place]
        found = await of.store.pipe.call("XRANGE", of.keys.log, "-", "+", "COUNT", 1)
        return int(found[0][0].split(b"-")[0]) if found else 0

    def _finish(self) -> None:
        self.is_cutting = False
        if self._entries:
            log.warning(
                "the store was nearly full: %d entries were cut before their time", self._entries
            )


async def cut(of: Log, most: int, cursor: bytes = b"0") -> Cut:
    """Cuts up to so many of a log's oldest entries, but none that is too young."""
    keys, kept_ms = of.keys, min(_KEPT_MS, of.window // _KEPT_SHARE)
    return Cut(
        *await of.store.pipe.run(
            _CUT, [keys.log, keys.meta, keys.expiring], [most, kept_ms, cursor, _KEYS]
        )
    )


async def _measure(of: Log) -> tuple[int, int]:
    """How many entries a log has, and how many bytes they take in it."""
    key, pipe = of.keys.log, of.store.pipe
    count, usage = await asyncio.gather(pipe.call("XLEN", key), pipe.call("MEMORY", "USAGE", key))
    return int(count), int(usage or 0)
