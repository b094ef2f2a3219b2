"""What a store's replies are to those who have called: values as they came, errors by what they mean."""

import re
from typing import Any

from messenger.errors import StoreFull, StoreUnavailable

Reply = Any  # what the store sent, as hiredis reads it: bytes, int, None or a list of these

# Replies that say "not now", by their first word.
_NOT_NOW = frozenset(
    (
        *("LOADING", "BUSY", "TRYAGAIN", "READONLY", "MISCONF", "CLUSTERDOWN", "MASTERDOWN"),
        *("NOREPLICAS", "UNKILLABLE", "NOAUTH", "WRONGPASS"),
    )
)
# Of these, and of others, the ones that pass by themselves in a moment. ASK is never followed: while a
# slot moves key by key the other server has only some of them, and what is not there yet looks gone.
_SOON = frozenset({"LOADING", "BUSY", "TRYAGAIN", "ASK"})
# So is what a reader is told that blocked on a primary that is one no more.
_DEMOTED = "UNBLOCKED force"
# So is what a script says, in Redis's words and in Valkey's, that came to a key of that kind in its
# second line, where it asks for one that never is (scripts.py); later ones are in another slot.
_MOVING = re.compile(r"ERR .*non local key in a cluster node .*@user_script:2\b")
# A right that is lacking: NOPERM, or, for a command in a script, how Redis and how Valkey say it.
_NOT_PERMITTED = (
    "NOPERM",
    "ERR The user executing the script can't",
    "ERR ACL failure in script",
)


class Lost(StoreUnavailable):
    """The connection went before the reply came: the command may or may not have been done."""


class NotPermitted(StoreUnavailable):
    """The store's user lacks a right. It may be given one at any time: messenger/roles.py."""


class Soon(StoreUnavailable):
    """The store answers, but is not ready yet, or another of its servers is to be asked."""


class NoScript(Exception):
    """The store does not know the script (yet, or since it was flushed)."""


class Rejected(Exception):
    """An error reply that is not about the store's state; who expects one compares its words."""


def error_of(reply: Exception) -> Exception:
    """What an error reply means to the caller. Its words are the store's, and never hold a value."""
    text = str(reply)
    word = text.split(" ", 1)[0]
    if word == "NOSCRIPT":
        return NoScript()
    if word == "OOM":
        return StoreFull("the store's memory is full")
    if text.startswith(_NOT_PERMITTED):
        return NotPermitted("the store's user lacks a right that is needed")
    if word in _SOON or text.startswith(_DEMOTED) or _MOVING.match(text):
        return Soon(f"the store is not ready: {word}")
    if word in _NOT_NOW:
        return StoreUnavailable(f"the store refuses: {word}")
    return Rejected(text)


def facts(flat: Reply) -> dict[str, Reply]:
    """A reply of names and values, as a dictionary."""
    names = (name.decode(errors="backslashreplace") for name in flat[::2])
    return dict(zip(names, flat[1::2], strict=True))


def info(told: bytes) -> dict[str, str]:
    """What INFO says, by its names."""
    lines = (line.partition(":") for line in told.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}
