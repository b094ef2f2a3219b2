"""Whether the view is the log: what is missing in it, what is too much, what is different.

It is true while everything goes on. An entry and what the view has of it are read in one step, so a
difference was one at that moment; and the counts are compared as of one moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from consumers import differences
from consumers.differences import ERASED, LATEST, Difference, Found, Seen
from consumers.fold import Fold
from consumers.scan import ViewKey, view_keys
from messenger import messages
from messenger.address import Argument
from messenger.entries import START, Entry, EntryId
from messenger.errors import StoreUnavailable
from messenger.events import MessageErased, MessagePosted
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, member
from messenger.loops import Stopped
from messenger.replies import Rejected, Reply
from messenger.scripts import load

# So many a script: the store answers others meanwhile.
_BATCH = 100
_PASSES = 3

_COMPARE = load("consumers", "compare", parts=("views", "groups"))
_STRAYS = load("consumers", "strays", parts=("views",))
_MEMBERS = load("consumers", "members", parts=("views",))

Report = Callable[[Difference], None]


class _Switched(Exception):
    """Another view came in force while this one was looked through."""


class Verification:
    """One comparison. `entries` is how many were compared, `done` how much of it all, from 0 to 1."""

    def __init__(self, logs: Logs, report: Report) -> None:
        self.entries = 0
        self.differences = 0
        self.done = 0.0
        self._logs = logs
        self._report_one = report
        self._reported: set[Difference] = set()

    async def run(self, stop: asyncio.Event) -> bool:
        """Compares; whether it came to its end, before the stop. Raises LogReset where the log is
        emptied meanwhile, and StoreUnavailable."""
        try:
            for number, log in enumerate(self._logs.all):
                await self._compare_log(log, number / len(self._logs.all), stop)
            await self._look_through(stop)
        except Stopped:
            return False
        return True

    async def _compare_log(self, log: Log, begun: float, stop: asyncio.Event) -> None:
        """The log's side: each of its entries is in the view, as it should be."""
        fold, erased = Fold(log, stop), dict[str, Difference]()
        await fold.begin()
        while entries := await fold.next():
            await self._compare(log, entries, erased)
            # Half of the work; the other is to look through the view.
            self.done = (begun + fold.done / len(self._logs.all)) / 2
        for each in erased.values():
            self._report(each)
        for wrong in await fold.wrong_counts():
            least = "at least " if wrong.is_least else ""
            detail = f"{wrong.found} {wrong.name}; the log has {least}{wrong.expected}"
            self._report(Difference("wrong-count", log.keys.partition, detail, minute=wrong.minute))

    async def _compare(
        self, log: Log, entries: Sequence[Entry], erased: dict[str, Difference]
    ) -> None:
        """`erased` gathers messages whose row says so while the log has them: an entry to come may
        say so, too."""
        chosen = [(each.id, event) for each in entries if (event := _known(each)) is not None]
        if not chosen:
            return
        args: list[Argument] = [PROJECTOR]
        for entry_id, event in chosen:
            args += _expected(entry_id, event)
        now, window, count, odd = await log.store.pipe.run(
            _COMPARE, [log.keys.log, log.keys.meta], args
        )
        self.entries += count
        for place, *raw in odd:
            entry_id, event = chosen[place - 1]
            self._judge(log, entry_id, event, Seen(*raw), (now, window), erased)
        for _, event in chosen:
            if isinstance(event, MessageErased):
                erased.pop(event.message, None)

    def _judge(
        self,
        log: Log,
        entry_id: EntryId,
        event: MessagePosted | MessageErased,
        seen: Seen,
        time: tuple[int, int],
        erased: dict[str, Difference],
    ) -> None:
        message, (now, window) = _message_of(entry_id, event), time
        partition, name = log.keys.partition, str(message)
        found: list[Found] = []
        if isinstance(event, MessageErased):
            if message.ms + window > now:
                found = differences.of_erased(event, seen)
        elif entry_id.ms + min(event.ttl, window) > now:
            if seen.row == ERASED:
                detail = "the row says that it was erased"
                erased[name] = Difference("wrong-row", partition, detail, name, event.room)
                return
            found = differences.of_posted(entry_id, event, seen)
        for kind, detail in found:
            self._report(Difference(kind, partition, detail, name, event.room))

    async def _look_through(self, stop: asyncio.Event) -> None:
        """The view's side: each of its keys is of something that the log has."""
        for _ in range(_PASSES):
            try:
                await self._look_through_once(stop)
            except _Switched:
                continue
            self.done = 1.0
            return
        raise StoreUnavailable("the view is rebuilt again and again; try again")

    async def _look_through_once(self, stop: asyncio.Event) -> None:
        replies = [
            await log.store.pipe.call("HGET", log.keys.meta, "view") for log in self._logs.all
        ]
        generations = [(reply or b"").decode() for reply in replies]
        async for keys, done in view_keys(self._logs.store, stop):
            self.done = (1.0 + done) / 2
            await self._look_at(keys, generations)

    async def _look_at(self, keys: list[ViewKey], generations: list[str]) -> None:
        rows: dict[int, list[ViewKey]] = {}
        others: list[Awaitable[None]] = []
        for key in keys:
            if key.partition >= len(generations) or key.generation != generations[key.partition]:
                continue
            if key.kind == "message":
                rows.setdefault(key.partition, []).append(key)
            else:
                others.append(self._look_at_other(self._logs.all[key.partition], key))
        # Side by side: rooms may be many, and small.
        await asyncio.gather(*others)
        for partition, found in rows.items():
            for at in range(0, len(found), _BATCH):
                await self._look_at_rows(self._logs.all[partition], found[at : at + _BATCH])

    async def _look_at_other(self, log: Log, key: ViewKey) -> None:
        if await log.store.pipe.call("PEXPIRETIME", key.key) == -1:
            what = "the room's index" if key.kind == "room" else "the list of rooms"
            self._report_key(log, key, "wrong-life", f"{what} never ends")
        if key.kind == "room":
            await self._look_at_index(log, key)

    async def _look_at_rows(self, log: Log, keys: list[ViewKey]) -> None:
        args: list[Argument] = [keys[0].generation, *(key.name for key in keys)]
        (odd,) = _same_view(await log.store.pipe.run(_STRAYS, [log.keys.log, log.keys.meta], args))
        birth = log.facts.birth if log.facts else START
        for place, row, dies, entries in odd:
            key = keys[place - 1]
            entry_id = _id(key.name)
            # A row of a history before this one waits to die, and is shown to nobody.
            if entry_id is not None and entry_id < birth and not entries and dies != -1:
                continue
            for kind, detail in differences.of_row(entry_id, row, dies, is_in_log=bool(entries)):
                self._report_key(log, key, kind, detail)

    async def _look_at_index(self, log: Log, key: ViewKey) -> None:
        cursor = b"0"
        while True:
            try:
                cursor, flat = await log.store.pipe.call("ZSCAN", key.key, cursor, "COUNT", _BATCH)
            except Rejected as error:
                if not str(error).startswith("WRONGTYPE"):
                    raise
                self._report_key(log, key, "wrong-index", "is of another type")
                return
            if any(float(score) for score in flat[1::2]):
                self._report_key(log, key, "wrong-index", "has scores, where the order is by name")
            await self._look_at_members(log, key, flat[::2])
            if cursor == b"0":
                return

    async def _look_at_members(self, log: Log, key: ViewKey, members: list[bytes]) -> None:
        ids = [differences.id_of_member(each) for each in members]
        room = key.name.decode(errors="replace")
        args: list[Argument] = [key.generation, key.name, msgspec.json.encode(room)]
        for each, entry_id in zip(members, ids, strict=True):
            args += [each, str(entry_id or START)]
        now, window, window_from, odd = _same_view(
            await log.store.pipe.run(_MEMBERS, [log.keys.log, log.keys.meta], args)
        )
        for place, row, entries in odd:
            entry_id = ids[place - 1]
            if entry_id is None:
                detail = f"{members[place - 1][:60]!r} is no member"
                self._report_key(log, key, "extra-index", detail)
                continue
            is_over = bool(entries) or entry_id.ms <= max(now - window, window_from)
            for kind, detail in differences.of_member(room, row, is_over=is_over):
                self._report_key(log, key, kind, f"{entry_id} {detail}")

    def _report_key(self, log: Log, key: ViewKey, kind: str, detail: str) -> None:
        name = key.name.decode(errors="replace")
        message, room = (name, "") if key.kind == "message" else ("", name)
        found = Difference(kind, log.keys.partition, detail, message, room)
        # A key may be seen twice.
        if found not in self._reported:
            self._reported.add(found)
            self._report(found)

    def _report(self, found: Difference) -> None:
        self.differences += 1
        self._report_one(found)


def _known(entry: Entry) -> MessagePosted | MessageErased | None:
    return entry.event if isinstance(entry.event, MessagePosted | MessageErased) else None


def _message_of(entry_id: EntryId, event: MessagePosted | MessageErased) -> EntryId:
    return EntryId.parse(event.message) if isinstance(event, MessageErased) else entry_id


def _expected(entry_id: EntryId, event: MessagePosted | MessageErased) -> list[Argument]:
    """An entry's six arguments for compare.lua."""
    message = _message_of(entry_id, event)
    if isinstance(event, MessageErased):
        ends, row = 0, ERASED
    else:
        whole = messages.of(entry_id, event)
        ends, row = min(whole.expires_at, LATEST), messages.encode(whole)
    return [str(entry_id), str(message), event.room, member(message), ends, row]


def _same_view(reply: Reply) -> Reply:
    if not reply:
        raise _Switched
    return reply


def _id(name: bytes) -> EntryId | None:
    try:
        found = EntryId.parse(name.decode())
    except ValueError:
        return None
    return found if str(found).encode() == name else None
