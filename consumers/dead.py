"""Dead letters: entries that a group can't handle, kept with the reason, no longer than a message."""

import re
from collections.abc import AsyncIterator, Sequence

from consumers.groups import group_names
from messenger.clock import ms_of
from messenger.entries import EntryId
from messenger.errors import NotFound
from messenger.keys import PROJECTOR
from messenger.letters import Letter, Verb
from messenger.log import Log, Logs
from messenger.replies import Reply
from messenger.scripts import load

_PAGE = 500
_BURY = load("consumers", "bury", parts=("groups", "letters"))
_DIG = load("consumers", "dig", parts=("groups", "letters"))

# What a letter says of itself, before the entry's own fields.
_OWN = ("entry", "group", "error", "attempts")
_LATEST = 2.0**53
_MEMBER = re.compile(rb"(\d{1,20}-\d{1,20}) (\d{1,20}-\d{1,20}) (.*)", re.DOTALL | re.ASCII)


class DeadLetters:
    """The dead letters of a group on one log."""

    def __init__(self, of: Log, group: str = PROJECTOR) -> None:
        self._pipe = of.store.pipe
        self._keys = of.keys
        self._group = group

    async def bury(self, entry: EntryId, error: str, attempts: int) -> bool:
        """Acks an entry and keeps it, as it stands in the log, with what is wrong with it; False if
        somebody else had acked it, or its time is over."""
        keys = self._keys
        buried = await self._pipe.run(
            _BURY,
            [keys.log, keys.meta, keys.letters, keys.dead(self._group)],
            [self._group, str(entry), error, attempts],
        )
        return bool(buried == 1)

    async def all(self) -> AsyncIterator[Letter]:
        """Every letter that has not expired, the first that was buried first."""
        due = {letter: at for _, letter, at in await self._members()}
        last = b"-"
        while page := await self._pipe.call(
            "XRANGE", self._keys.dead(self._group), last, "+", "COUNT", _PAGE
        ):
            for letter, flat in page:
                if letter in due:
                    yield self._letter(letter, flat, due[letter])
            last = b"(" + page[-1][0]

    async def find(self, entry: EntryId) -> Letter | None:
        """The letter that holds an entry; None if there is none (any more)."""
        for member, letter, at in await self._members():
            if _entry_of(member) == str(entry):
                found = await self._pipe.call(
                    "XRANGE", self._keys.dead(self._group), letter, letter
                )
                return self._letter(letter, found[0][1], at) if found else None
        return None

    async def dig(
        self, verb: Verb, entries: Sequence[EntryId] | None = None
    ) -> tuple[int, list[EntryId]] | None:
        """Hands these entries to the group again, or drops their letters for good; all of them if none
        are named. How many, and which of them can't be handed out because the log has them no more;
        None if the group is not there."""
        wanted = None if entries is None else set(map(str, entries))
        members = [member for member, _, _ in await self._members()]
        chosen = [each for each in members if wanted is None or _entry_of(each) in wanted]
        total = 0
        gone: list[EntryId] = []
        for at in range(0, len(chosen), _PAGE):
            part = [(_entry_of(each), each) for each in chosen[at : at + _PAGE]]
            reply = await self._pipe.run(
                _DIG,
                [self._keys.log, self._keys.meta, self._keys.letters],
                [self._group, verb, *(word for pair in part for word in pair)],
            )
            if reply is None:
                return None
            total += reply[0]
            gone += map(EntryId.read, reply[1])
        return total, gone

    async def _members(self) -> list[tuple[bytes, bytes, int]]:
        """Of each letter of the group that has not expired: its member in the index, its id, when it
        goes."""
        now = int(ms_of(await self._pipe.call("TIME")))
        flat = await self._pipe.call(
            "ZRANGE", self._keys.letters, f"({now}", "+inf", "BYSCORE", "WITHSCORES"
        )
        members = zip(map(_read_member, flat[::2]), flat[1::2], strict=True)
        group = self._group.encode()
        return [
            (found[0], found[2], int(min(float(at), _LATEST)))
            for found, at in members
            if found is not None and found[3] == group
        ]

    def _letter(self, letter: bytes, flat: Reply, expires_at: int) -> Letter:
        """What is missing in a letter, or no number, is another program's mistake, and told as it is."""
        words = [word.decode(errors="replace") for word in flat]
        pairs = list(zip(words[::2], words[1::2], strict=True))
        own, fields = dict(pairs[: len(_OWN)]), dict(pairs[len(_OWN) :])
        attempts = own.get("attempts", "")
        return Letter(
            entry=own.get("entry", ""),
            group=self._group,
            partition=self._keys.partition,
            error=own.get("error", ""),
            attempts=int(attempts) if re.fullmatch(r"\d{1,9}", attempts, re.ASCII) else 0,
            buried_at=EntryId.read(letter).ms,
            expires_at=expires_at,
            fields=fields,
        )


async def groups_with_letters(log: Log) -> set[str]:
    """The groups that have dead letters on a log, also those that are gone."""
    members = await log.store.pipe.call("ZRANGE", log.keys.letters, 0, -1)
    found = map(_read_member, members)
    return {each[3].decode(errors="backslashreplace") for each in found if each is not None}


async def known_groups(logs: Logs) -> list[str]:
    """The groups that are there, and those that are gone and have left dead letters."""
    names: set[str] = set()
    for log in logs.all:
        names |= await groups_with_letters(log) | await group_names(log)
    return sorted(names)


async def dig_out(
    verb: Verb, group: str, chosen: Sequence[tuple[Log, list[EntryId] | None]]
) -> tuple[int, list[EntryId]]:
    """`DeadLetters.dig` on several logs, each with its entries or None for all; NotFound where the
    group is not there."""
    done = 0
    gone: list[EntryId] = []
    for log, entries in chosen:
        dug = await DeadLetters(log, group).dig(verb, entries)
        if dug is None:
            raise NotFound(
                f"the group {group} is not there any more; its consumers make it when they start",
                code="group-not-found",
            )
        done, gone = done + dug[0], gone + dug[1]
    return done, gone


def _read_member(member: bytes) -> re.Match[bytes] | None:
    """The entry, the letter and the group of a member of the index; None for what a program with a
    group of its own has written there and is none."""
    found = _MEMBER.fullmatch(member)
    if found is None or max(*EntryId.read(found[1]), *EntryId.read(found[2])) >= 2**64:
        return None
    return found


def _entry_of(member: bytes) -> str:
    return member.partition(b" ")[0].decode()
