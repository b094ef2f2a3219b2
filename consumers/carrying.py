"""What comes along with a partition's messages in the last step of a repartition: how far each group of
others is and what it holds, dead letters, and what the meta knows."""

import asyncio
from collections import Counter

from consumers.splitting import Split
from messenger import ancestors
from messenger.address import Argument
from messenger.ancestors import Ancestor
from messenger.clock import ms_of
from messenger.entries import EntryId
from messenger.errors import RepartitionLost
from messenger.keys import MINUTE_LIFE_MS, PROJECTOR, Keys
from messenger.log import Log
from messenger.replies import facts
from messenger.scripts import load

_SWEPT = load("consumers", "swept", parts=("groups",))

_PAGE = 1_000
_DAY_MS = 86_400_000
# What the new partition takes over from the one that it comes from.
_FROM_META = (
    "epoch",
    "window",
    "window_next",
    "window_at",
    "window_from",
    "swept_to",
    "trimmed_to",
)
# Where a group is; its counters stay where they were counted.
_FROM_GROUP = (b"epoch", b"delivered", b"oldest", b"trimmed_seen", b"swept")
# Counted once already, where the messages come from.
_COUNTERS = ("projected", "swept", "expired_unprocessed")
_MINUTE_MS = 60_000


async def facts_of(log: Log) -> dict[str, bytes]:
    """What of the meta a new partition begins with."""
    found = await log.store.pipe.call("HMGET", log.keys.meta, *_FROM_META)
    pairs = zip(_FROM_META, found, strict=True)
    return {name: value for name, value in pairs if value is not None}


def words(of: dict[str, bytes]) -> list[Argument]:
    """Names and values, as HSET wants them."""
    return [word for pair in of.items() for word in pair]


class Carrying:
    """`last` is the last id of the log that was split."""

    def __init__(self, split: Split, last: EntryId, trimmed_to: bytes | None) -> None:
        self._split = split
        self._log = split.log
        self._pipe = split.log.store.pipe
        self._targets = list(split.targets.values())
        self._last = last
        self._trimmed_to = trimmed_to

    async def run(self) -> None:
        """All of it; safe to be done again."""
        await self._meta()
        await self._groups()
        await self._letters()
        await self._counts()

    async def _meta(self) -> None:
        found = await facts_of(self._log)
        swept_to = found.pop("swept_to", None)
        if (await self._pipe.call("HGET", self._log.keys.meta, "trimmed_to")) != self._trimmed_to:
            raise RepartitionLost(
                "the store was so full meanwhile that messages were cut early; it serves as before: "
                "give it more memory, and run it again"
            )
        now, window = int(ms_of(await self._pipe.call("TIME"))), self._log.window
        raw = await self._pipe.call("HGET", self._log.keys.meta, "ancestors")
        older = [each for each in ancestors.read(raw or b"") if each.until > now]
        here = Ancestor(self._log.keys.partition, now + window)
        names = [*words(found), "ancestors", ancestors.write([here, *older])]
        for target in self._targets:
            pipe, meta = target.store.pipe, target.keys.meta
            await pipe.call("HSET", meta, *names)
            # It is swept there, too: readers must be told of the later one.
            if swept_to:
                await pipe.run(_SWEPT, [meta], [swept_to])
            await pipe.call("HDEL", meta, *_COUNTERS)
            # No id is given twice, and no reader's cursor is ahead of the log that it goes on in.
            await pipe.call("XSETID", target.keys.log, str(self._last))

    async def _groups(self) -> None:
        for raw in await self._pipe.call("XINFO", "GROUPS", self._log.keys.log):
            group = facts(raw)
            name = group["name"]
            if name == PROJECTOR.encode():
                continue
            known = await self._pipe.call("HGETALL", self._group_key(self._log.keys, name))
            pairs = zip(known[::2], known[1::2], strict=True)
            words = [word for pair in pairs if pair[0] in _FROM_GROUP for word in pair]
            for target in self._targets:
                await self._make(target, name, group["last-delivered-id"], words)
            await self._pending(name)

    async def _make(
        self, target: Log, name: bytes, delivered: bytes, words: list[Argument]
    ) -> None:
        pipe, key = target.store.pipe, self._group_key(target.keys, name)
        # It may be there: this is done again where a reply was lost.
        await pipe.call("XGROUP", "DESTROY", target.keys.log, name)
        await pipe.call("XGROUP", "CREATE", target.keys.log, name, delivered)
        if words:
            await pipe.call("HSET", key, *words)
            await pipe.call("PEXPIRE", key, self._log.window + _DAY_MS)

    async def _pending(self, name: bytes) -> None:
        """What a group holds it holds in the new partition, and so does each of its consumers."""
        low: Argument = "-"
        while True:
            page = await self._pipe.call("XPENDING", self._log.keys.log, name, low, "+", _PAGE)
            await asyncio.gather(*(self._hold(name, *held) for held in page))
            if len(page) < _PAGE:
                return
            low = b"(" + page[-1][0]

    async def _hold(
        self, name: bytes, entry_id: bytes, consumer: bytes, idle: int, times: int
    ) -> None:
        how = ("IDLE", idle, "RETRYCOUNT", times, "FORCE", "JUSTID")
        for target in self._targets:
            # A store claims no entry that is not in its log.
            claim = ("XCLAIM", target.keys.log, name, consumer, 0, entry_id, *how)
            if await target.store.pipe.call(*claim):
                await self._mark(target, name, entry_id)

    async def _mark(self, target: Log, name: bytes, entry_id: bytes) -> None:
        """An effect that was done once (once.lua) is known to be."""
        group, entry = name.decode(errors="replace"), entry_id.decode()
        mark = self._log.keys.done(group, entry)
        dies = await self._pipe.call("PEXPIRETIME", mark)
        if dies > 0:
            await target.store.pipe.call("SET", target.keys.done(group, entry), "1", "PXAT", dies)

    async def _letters(self) -> None:
        raw = await self._pipe.call("ZRANGE", self._log.keys.letters, 0, -1, "WITHSCORES")
        letters = sorted(
            (
                (*member.split(b" ", 2), score)
                for member, score in zip(raw[::2], raw[1::2], strict=True)
            ),
            key=lambda each: EntryId.read(each[1]),
        )
        for entry, letter, group, score in letters:
            # The projector of the new partition has buried its own.
            if group != PROJECTOR.encode():
                for target in self._targets:
                    await self._letter(target, (entry, letter, group), score)

    async def _letter(self, target: Log, member: tuple[bytes, bytes, bytes], score: bytes) -> None:
        entry, letter, group = member
        pipe, name = target.store.pipe, group.decode(errors="replace")
        if not await pipe.call("XRANGE", target.keys.log, entry, entry):
            return
        found = await self._pipe.call("XRANGE", self._log.keys.dead(name), letter, letter)
        dead, at = target.keys.dead(name), int(float(score))
        if not found or await pipe.call("XRANGE", dead, letter, letter):
            return
        await pipe.call("XADD", dead, letter, *found[0][1])
        await pipe.call("ZADD", target.keys.letters, at, b" ".join(member))
        for key in (dead, target.keys.letters):
            if await pipe.call("PEXPIRETIME", key) < at:
                await pipe.call("PEXPIREAT", key, at)

    async def _counts(self) -> None:
        """Notes what the new partitions count by now: clean.lua and uncount.lua take it off here."""
        now = int(ms_of(await self._pipe.call("TIME")))
        first = (now - min(self._log.window, MINUTE_LIFE_MS)) // _MINUTE_MS - 1
        minutes = range(first, now // _MINUTE_MS + 2)
        moved: Counter[str] = Counter()
        for target in self._targets:
            pipe = target.store.pipe
            found = await asyncio.gather(
                *(
                    pipe.call("HMGET", target.keys.minute(each * _MINUTE_MS), "posted", "erased")
                    for each in minutes
                )
            )
            for minute, (posted, erased) in zip(minutes, found, strict=True):
                moved[f"{minute}:posted"] += int(posted or 0)
                moved[f"{minute}:erased"] += int(erased or 0)
        words = [word for name, count in moved.items() if count for word in (name, count)]
        await self._pipe.call("UNLINK", self._log.keys.moved)
        if words:
            await self._pipe.call("HSET", self._log.keys.moved, *words)
            await self._pipe.call("PEXPIRE", self._log.keys.moved, _DAY_MS)

    def _group_key(self, keys: Keys, name: bytes) -> str:
        return keys.group(name.decode(errors="replace"))
