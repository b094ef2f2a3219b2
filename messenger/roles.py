"""What each process may do in the store: every call that it makes, with the reason.

`messenger acl` makes the store's users of it, and each process looks at its start whether its user may
make these calls. A command that our code sends and that is not here fails the tests.

A call is written as it is sent. Its words with a colon are kinds of keys, in every partition: `:log` is
`messenger:{p}:log`, `:room:*` every room's index. Whether a key is read or written the store says.
A script is checked twice: that it may be run on its keys, and each command in it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Right(NamedTuple):
    """`is_optional`: not every store that we take knows the command, and we do without."""

    call: str
    reason: str
    is_optional: bool = False


Rights = tuple[Right, ...]

_CONNECT = (
    Right("CLIENT SETNAME messenger-pipe", "a connection says whose it is"),
    Right("CLIENT SETINFO LIB-NAME redis-py", "so does redis-py; not in Redis 7.0", True),
    Right("SELECT {database}", "the database that the store's URL names"),
    Right("ACL WHOAMI", "at the start: who are we"),
    Right("ACL DRYRUN messenger PING", "at the start: may we do all that we must"),
)
_LOOK = (
    Right("INFO", "at the start: version, eviction, durability; the memory's figures"),
    Right("TIME", "the store's clock decides what has expired"),
    Right("HGET :meta partitions", "at the start: how many partitions there are"),
    Right("HMGET :meta window", "the window in force, and the epoch"),
)
_SETTLE = (
    Right("EVALSHA x 5 :log :meta :expiring :rooms :secret", "settle: make a partition ready"),
    Right("EVAL x 5 :log :meta :expiring :rooms :secret", "the same, where it was never run"),
    Right("EXISTS :log", "settle: is there a history"),
    Right("HEXISTS :meta epoch", "settle: has it an epoch"),
    Right("HSET :meta epoch x", "settle: a new epoch, the number of partitions, the window"),
    Right("HDEL :meta window_next", "settle: what a new history forgets"),
    Right("SET :secret x NX", "settle: the first one makes the secret"),
    Right("GET :secret", "settle: all others read it"),
    Right("XGROUP CREATE :log projector 0 MKSTREAM", "settle: the log and the projector's group"),
    Right("XINFO STREAM :log", "settle: the last id"),
    Right("ZRANGE :rooms 0 -1", "settle: the rooms of a history that is gone"),
    Right("UNLINK :room:*", "settle: a new history begins with an empty view"),
    Right("UNLINK :rooms", "the same"),
    Right("UNLINK :expiring", "the same"),
    Right("XRANGE :log - +", "settle: what a longer window must still expire early"),
    Right("ZADD :expiring NX 0 x", "settle: and when"),
)
_FORGET = (
    Right("XRANGE :log - + COUNT 64", "which entries have expired"),
    Right("XINFO GROUPS :log", "which of them the projector was not given"),
    Right("XDEL :log 0-1", "the expired entries leave the log"),
    Right("UNLINK :message:*", "and their rows the view"),
    Right("HINCRBY :meta swept 1", "counted"),
)
_APPEND = (
    *_FORGET,
    Right("EVALSHA x 5 :log :meta :expiring :sent:* :visitor:*", "append: a post"),
    Right("EVAL x 5 :log :meta :expiring :sent:* :visitor:*", "the same, where it was never run"),
    Right("GET :sent:*", "append: was this key seen before"),
    Right("SET :sent:* x PX 1000", "append: remember it"),
    Right("GET :visitor:*", "append: may this visitor post now"),
    Right("SET :visitor:* 0 PX 1000", "append: the visitor's rate"),
    Right("XADD :log * type message.posted", "append: the post itself"),
    Right("ZADD :expiring 0 x", "append: a life shorter than the window"),
    Right("HSET :meta window_at 0", "append: a shorter window waits for it"),
)
_ERASE = (
    Right(
        "EVALSHA x 7 :log :meta :expiring :message:* :room:* :minute:* :minute:*",
        "erase: a message before its time",
    ),
    Right(
        "EVAL x 7 :log :meta :expiring :message:* :room:* :minute:* :minute:*",
        "the same, where it was never run",
    ),
    Right("XRANGE :log 0-1 0-1", "erase: the message"),
    Right("GET :message:*", "erase: was it erased before"),
    Right("SET :message:* erased PXAT 1", "erase: its tombstone"),
    Right("XINFO GROUPS :log", "erase: was it counted as posted"),
    Right("XACK :log projector 0-1", "erase: nobody else counts it"),
    Right("HINCRBY :minute:* erased 1", "erase: counted"),
    Right("PEXPIRE :minute:* 1000", "erase: the counts' life"),
    Right("XDEL :log 0-1", "erase: the message leaves the log"),
    Right("ZREM :expiring x", "erase: it is due no more"),
    Right("ZREM :room:* x", "erase: it leaves the room's index"),
    Right("HGET :meta window", "erase: the tombstone's life"),
    Right("XADD :log * type message.erased", "erase: the event that says so"),
)
_READ_VIEW = (
    Right("EVALSHA x 1 :room:*", "page: older messages"),
    Right("EVAL x 1 :room:*", "the same, where it was never run"),
    Right("ZREVRANGEBYLEX :room:* + -", "page: before an id"),
    Right("ZRANGEBYLEX :room:* - +", "page: after an id"),
    Right("GET :message:*", "one message"),
    Right("ZRANGE :rooms +inf 0 BYSCORE REV", "the rooms that live"),
    Right("XRANGE :log 0-1 0-1", "a message that the projector has not come to yet"),
)
_HERE = (
    Right("EVALSHA x 1 :here", "census: how many listen in which rooms"),
    Right("EVAL x 1 :here", "the same, where it was never run"),
    Right("HGET :here x", "census: another process's last sign of life, and its counts"),
    Right("HKEYS :here", "census: which processes there are"),
    Right("HSET :here x 1", "census: our own sign of life, and our counts"),
    Right("HDEL :here x", "census: a process that is dead or stops"),
    Right("PEXPIRE :here 1000", "census: with the last of them it goes"),
)
_TAIL = (
    Right("XREAD COUNT 1 STREAMS :log 0", "following the log"),
    Right("XRANGE :log - +", "what memory let go of"),
)
_FIGURES = (
    Right("HGETALL :meta", "counters, the last sweep"),
    Right("XLEN :log", "entries in the log"),
    Right("XLEN :dead:projector", "dead letters"),
    Right("XINFO STREAM :log", "the newest id"),
    Right("XINFO GROUPS :log", "how far the projector is"),
    Right("XRANGE :log - + COUNT 10000", "how many entries it was not given"),
)
_PROJECT = (
    Right("XREADGROUP GROUP projector x STREAMS :log >", "new entries"),
    Right(
        "EVALSHA x 6 :log :meta :rooms :message:* :room:* :minute:*", "apply: a batch to the view"
    ),
    Right(
        "EVAL x 6 :log :meta :rooms :message:* :room:* :minute:*",
        "the same, where it was never run",
    ),
    Right("XACK :log projector 0-1", "apply: the ack is the claim"),
    Right("HGET :meta window", "apply: which ids can still live"),
    Right("GET :message:*", "apply: is the row there, or a tombstone"),
    Right("SET :message:* x PXAT 1", "apply: the row"),
    Right("ZADD :room:* 0 x", "apply: the room's index"),
    Right("ZREM :room:* x", "apply: an erased message leaves it"),
    Right("ZREMRANGEBYLEX :room:* - (x", "apply: so do those that have expired"),
    Right("ZADD :rooms GT 0 x", "apply: the rooms that live"),
    Right("PEXPIRETIME :room:*", "apply: an index lives as long as its last message"),
    Right("PEXPIREAT :room:* 1", "the same"),
    Right("PEXPIRETIME :rooms", "the same"),
    Right("PEXPIREAT :rooms 1", "the same"),
    Right("HINCRBY :minute:* posted 1", "apply: counted"),
    Right("PEXPIRE :minute:* 1000", "apply: the counts' life"),
    Right("HINCRBY :meta projected 1", "apply: counted"),
)
_REDELIVER = (
    Right("EVALSHA x 2 :log :meta", "claim: what another projector left"),
    Right("EVAL x 2 :log :meta", "the same, where it was never run"),
    Right("XAUTOCLAIM :log projector x 2000 0-0", "claim: taken over"),
    Right("HINCRBY :meta redelivered 1", "claim: counted"),
    Right("XINFO CONSUMERS :log projector", "which consumers are gone"),
    Right("XGROUP DELCONSUMER :log projector x", "they are forgotten"),
)
_BURY = (
    Right("XRANGE :log 0-1 0-1", "bury: the entry as it stands"),
    Right("EVALSHA x 2 :log :dead:projector", "bury: to the dead letters"),
    Right("EVAL x 2 :log :dead:projector", "the same, where it was never run"),
    Right("XACK :log projector 0-1", "bury: it is pending no more"),
    Right("XADD :dead:projector 0-1 entry x", "bury: the dead letter"),
)
_SWEEP = (
    *_FORGET,
    Right("EVALSHA x 5 :log :meta :expiring :rooms :dead:projector", "sweep"),
    Right("EVAL x 5 :log :meta :expiring :rooms :dead:projector", "where it was never run"),
    Right("EXISTS :log", "sweep: is there a log"),
    Right("HSET :meta swept_at 0", "sweep: when, how late, up to where; a window that shrinks"),
    Right("HDEL :meta window_next", "sweep: a window that has shrunk"),
    Right("ZRANGE :expiring 0 0", "sweep: how late it is"),
    Right("ZRANGEBYSCORE :expiring -inf 0", "sweep: short lives that are due"),
    Right("ZREM :expiring x", "sweep: done"),
    Right("GET :message:*", "sweep: a tombstone stays"),
    Right("SET :message:* expired PXAT 1", "sweep: what was, and is over"),
    Right("ZREMRANGEBYSCORE :rooms -inf 0", "sweep: rooms with nothing in them"),
    Right("XTRIM :dead:projector MINID 1-0", "sweep: dead letters live no longer"),
    Right("XREVRANGE :log + - COUNT 1", "sweep: is the clock behind the newest id"),
)
_READ_LOG = (
    Right("TIME", "the store's clock decides what has expired"),
    Right("HMGET :meta epoch", "has the history begun anew"),
    Right("HGET :meta partitions", "how many logs there are"),
    Right("XREAD COUNT 1 STREAMS :log 0", "following the log"),
    Right("XRANGE :log - +", "the log, oldest first"),
    Right("XREVRANGE :log + -", "newest first"),
    Right("XLEN :log", "how much there is"),
    Right("XINFO STREAM :log", "the newest id"),
)


def _group(name: str) -> Rights:
    """What a program with a consumer group of its own does besides."""
    return (
        Right(f"XGROUP CREATE :log {name} 0", "the group"),
        Right(f"XREADGROUP GROUP {name} x STREAMS :log >", "entries that nobody was given"),
        Right(f"XACK :log {name} 0-1", "done"),
        Right(f"XPENDING :log {name}", "what is not done"),
        Right(f"XAUTOCLAIM :log {name} x 1000 0-0", "what a consumer that stopped has left"),
        Right("XINFO GROUPS :log", "how far the group is"),
        Right(f"XINFO CONSUMERS :log {name}", "who is in it"),
        Right(f"XGROUP DELCONSUMER :log {name} x", "consumers that are gone"),
        Right(f"XADD :dead:{name} 0-1 entry x", "an entry that can't be handled"),
        Right(f"XTRIM :dead:{name} MINID 1-0", "dead letters live no longer than messages"),
        Right(f"XLEN :dead:{name}", "how many there are"),
        Right(f"XRANGE :dead:{name} - +", "which"),
    )


_WEB = (*_CONNECT, *_LOOK, *_SETTLE, *_APPEND, *_ERASE, *_READ_VIEW, *_HERE, *_TAIL, *_FIGURES)
_WORKER = (*_CONNECT, *_LOOK, *_SETTLE, *_PROJECT, *_REDELIVER, *_BURY, *_SWEEP)

ROLES: Mapping[str, Rights] = MappingProxyType(
    {
        "web": _WEB,
        "worker": _WORKER,
        # `messenger up` on a store that is not the embedded one.
        "up": (*_WEB, *_WORKER),
        "operator": (*_CONNECT, *_LOOK, *_SETTLE, *_READ_VIEW, *_TAIL, *_FIGURES),
        "downstream": (*_CONNECT, *_READ_LOG),
    }
)


def rights_of(role: str, group: str | None = None) -> Rights:
    """The rights of a role; with a group, those of a downstream program that has it."""
    own = _group(group) if group is not None else ()
    return (*ROLES[role], *own)
