"""The store's users: their rules for the server at hand, and what a user of it may not do.

A rule of several keys is a selector, so that a command reaches the keys that it is for, and no others
(valkey.io/topics/acl, from Redis 7.0 on).
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from messenger.connection import Store
from messenger.errors import StoreUnfit
from messenger.keys import Keys
from messenger.pipe import Pipe
from messenger.replies import NotPermitted, Rejected, Reply
from messenger.right import Right, Rights

PREFIX = "messenger-"

_CONTAINERS = frozenset(
    {"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "MEMORY", "XGROUP", "XINFO"}
)
# The words of a call that stand for keys: `:log`; written for partition 0, and for all of them.
_KEY = re.compile(r"(?<= ):(\S+)")
_ONE = Keys(0).tag
_ALL = _ONE.replace("0", "*")
# A key's flags (valkey.io/commands/command-getkeysandflags), and what a user needs for each.
_READS = frozenset({"access"})
_WRITES = frozenset({"insert", "delete", "update"})


class Rule(NamedTuple):
    """A command, and the patterns of the keys that it is for, as `%R~messenger:{*}:log`."""

    command: str
    patterns: tuple[str, ...]


def user_of(role: str, group: str | None = None) -> str:
    return PREFIX + role + (f"-{group}" if group is not None else "")


def hash_of(password: str) -> str:
    """A password as the store keeps it."""
    return sha256(password.encode()).hexdigest()


async def rules(pipe: Pipe, rights: Rights, database: int = 0) -> list[str]:
    """The words that give a user these rights and no others, after `ACL SETUSER name`; without a
    password.

    Raises StoreUnfit where the server lacks a command that we can't do without.
    """
    only = await _database_rule(pipe, database)
    calls = {right.call: right for right in rights}.values()
    found = await asyncio.gather(*(_rule(pipe, right, database) for right in calls))
    known = [rule for rule in found if rule is not None]
    bare = sorted({rule.command for rule in known if not rule.patterns})
    return [
        *("reset", "on", *only),
        *(f"+{command}" for command in bare),
        *(
            f"({' '.join([*only, *patterns, *(f'+{command}' for command in commands)])})"
            for patterns, commands in _selectors(known)
        ),
    ]


async def apply(pipe: Pipe, user: str, hashes: Sequence[str], words: Sequence[str]) -> None:
    """Makes the user, or gives it these rights in place of those it had."""
    await pipe.call("ACL", "SETUSER", user, *words, *(f"#{each}" for each in hashes))


async def save(pipe: Pipe) -> bool:
    """Writes the users to the server's own file; False where it has none, and forgets them at its
    end."""
    try:
        await pipe.call("ACL", "SAVE")
    except Rejected:
        return False
    return True


async def hashes_of(pipe: Pipe, user: str) -> list[str]:
    """The hashes of the passwords that the user has; none if there is no such user."""
    reply: Reply = await pipe.call("ACL", "GETUSER", user)
    if reply is None:
        return []
    facts = dict(zip(reply[::2], reply[1::2], strict=True))
    return [each.decode() for each in facts[b"passwords"]]


async def who(pipe: Pipe) -> str | None:
    """Which of its users the store takes us for; None where it does not say."""
    try:
        reply: Reply = await pipe.call("ACL", "WHOAMI")
    except (Rejected, NotPermitted):
        return None
    return str(reply.decode())


async def lacking(pipe: Pipe, user: str, rights: Rights, database: int = 0) -> list[str] | None:
    """The calls that the user may not make; None where the store does not tell us."""
    calls = list({right.call: right for right in rights if not right.is_optional})
    dry_runs = [("ACL", "DRYRUN", user, *_words(call, database)) for call in calls]
    try:
        replies = await pipe.once(*dry_runs)
    except (Rejected, NotPermitted):
        return None
    return [call for call, reply in zip(calls, replies, strict=True) if reply != b"OK"]


async def _rule(pipe: Pipe, right: Right, database: int) -> Rule | None:
    """What the server has to be told; None where it does not know the command."""
    words = _words(right.call, database)
    command = words[0].lower()
    if words[0] in _CONTAINERS:
        command += f"|{words[1].lower()}"
    (known,) = await pipe.call("COMMAND", "INFO", command)
    if known is None:
        if right.is_optional:
            return None
        raise StoreUnfit(f"the store has no command {command}; allowed: Redis 7.0 or newer")
    kinds = _KEY.findall(right.call)
    if not kinds:
        return Rule(command, ())
    reply: Reply = await pipe.call("COMMAND", "GETKEYSANDFLAGS", *words)
    patterns = {
        _access({flag.decode() for flag in flags}) + _ALL + kind
        for kind, (_, flags) in zip(kinds, reply, strict=True)
    }
    return Rule(command, tuple(sorted(patterns)))


def _access(flags: set[str]) -> str:
    """How the server says that a command touches a key; one that only asks for it reads."""
    if flags & _WRITES:
        return "~" if flags & _READS else "%W~"
    return "%R~"


def _selectors(known: Sequence[Rule]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Patterns and the commands that may touch all of them. A command that touches one key at a time
    has its patterns of one kind together; what is the same for several commands is said once."""
    reached: dict[tuple[str, str], set[str]] = defaultdict(set)
    commands: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for rule in known:
        if len(rule.patterns) == 1:
            reached[rule.command, rule.patterns[0].partition("~")[0]].update(rule.patterns)
        elif rule.patterns:
            commands[rule.patterns].add(rule.command)
    for (command, _), patterns in reached.items():
        commands[tuple(sorted(patterns))].add(command)
    for selected in sorted(commands):
        yield selected, sorted(commands[selected])


def _words(call: str, database: int) -> list[str]:
    """A call with a key of partition 0 for each kind, as it could be sent."""
    written = _KEY.sub(lambda key: _ONE + key[1].replace("*", "x"), call)
    return written.replace("{database}", str(database)).split(" ")


def database_of(store: Store) -> int:
    return int(store.address.options.get("db", 0))


async def _database_rule(pipe: Pipe, database: int) -> list[str]:
    """Keeps a user to our database, where the server can: from Valkey 9.1 on."""
    reply: Reply = await pipe.call("ACL", "GETUSER", "default")
    return [f"db={database}"] if b"databases" in reply[::2] else []
