"""What the commands and the programs of others do in the store: every call that they make (right.py)."""

from messenger.right import Right, Rights, in_view
from messenger.rights_of_processes import DROP_LETTERS, TALLY

REPLAY = (
    Right("XRANGE :log - + COUNT 1000", "replay: the log, a page at a time"),
    Right("XREVRANGE :log + - COUNT 1", "replay: where it ends"),
    Right("TIME", "replay: what has expired"),
    Right("HGET :meta epoch", "replay: has the history begun anew"),
)
COPY = (
    Right("EVALSHA x 4 :log :meta :expiring :copied:*", "copy: messages of another store"),
    Right("EVAL x 4 :log :meta :expiring :copied:*", "the same, where it was never run"),
    Right("HMGET :meta window epoch view", "copy: what may live here, and since when"),
    Right("HSET :meta epoch x", "copy: a history that begins with what is copied"),
    Right("EXISTS :log", "copy: is there a log"),
    Right("XINFO STREAM :log", "copy: the last id"),
    Right("XRANGE :log 0-1 0-1", "copy: is the message here"),
    Right("XADD :log 0-1 type message.posted", "copy: the message"),
    Right("ZADD :expiring 0 x", "copy: a life shorter than the window"),
    Right("EXISTS :copied:*", "copy: was it copied before"),
    Right("SET :copied:* x PXAT 1", "copy: remember it"),
    Right("GET :copied:*", "copy: what was erased where it came from is erased here"),
    *in_view("GET :message:*", "copy: what was erased here does not come back"),
)
FOLD = (
    Right("EVALSHA x 2 :log :meta", "moment, compare, strays, members, fill, carry, switch"),
    Right("EVAL x 2 :log :meta", "the same, where it was never run"),
    Right("DBSIZE", "scan: how much there is to look through"),
    Right("SCAN 0 MATCH messenger:*", "scan: the keys of the views"),
    Right("MULTI", "fold: a page and what came meanwhile, as of one moment"),
    Right("EXEC", "the same"),
    Right("XRANGE :log - +", "fold: the log"),
    Right("TIME", "fold: what has expired"),
    Right("HGET :meta epoch", "fold: has the history begun anew"),
    Right("HMGET :meta window", "fold: what can be known"),
    Right("EXISTS :log", "moment: is there a log"),
    Right("XINFO GROUPS :log", "moment: how far the projector is"),
    Right("XINFO STREAM :log", "moment: the last id"),
    Right("XPENDING :log projector", "moment: what it holds"),
    Right("HMGET :minute:* posted erased", "moment: the counts"),
)
VERIFY = (
    *FOLD,
    *in_view("GET :message:*", "compare, strays, members: the rows"),
    *in_view("PEXPIRETIME :message:*", "compare, strays: when they die"),
    *in_view("PEXPIRETIME :room:*", "compare: when an index dies"),
    *in_view("PEXPIRETIME :rooms", "verify: when the list of rooms dies"),
    *in_view("ZSCORE :room:* x", "compare, members: is a message in its index"),
    *in_view("ZSCORE :rooms x", "compare: is a room listed"),
    *in_view("ZSCAN :room:* 0", "verify: all that an index has"),
)
REBUILD = (
    *FOLD,
    Right("EVALSHA x 1 :meta", "lease, build"),
    Right("EVAL x 1 :meta", "the same, where it was never run"),
    Right("EVALSHA x 5 :meta :message:* :room:* :rooms :view:*", "tidy: what does not serve goes"),
    Right("EVAL x 5 :meta :message:* :room:* :rooms :view:*", "the same, where it was never run"),
    *in_view("UNLINK :message:*", "tidy: the rows"),
    *in_view("UNLINK :room:*", "tidy: the indexes"),
    *in_view("UNLINK :rooms", "tidy: the list of rooms"),
    *in_view("GET :message:*", "carry: words that the log can't tell"),
    *in_view("PEXPIRETIME :message:*", "carry: and for how long"),
    Right("HSET :meta view x", "lease, build, fill, switch: how far it is"),
    Right("HDEL :meta building", "lease, switch: it is over"),
    Right("SET :view:* x NX GET PXAT 1", "fill: the row, or what is there"),
    Right("SET :view:* x PXAT 1", "carry: the row"),
    Right("ZADD :view:* 0 x", "fill: the room's index, and the list of rooms"),
    Right("ZREM :view:* x", "fill: an erased message leaves it"),
    Right("ZREMRANGEBYLEX :view:* - (x", "fill: so do those that have expired"),
    Right("PEXPIRETIME :view:*", "fill: an index lives as long as its last message"),
    Right("PEXPIREAT :view:* 1", "the same"),
    Right("HGET :minute:* posted", "switch: a count that is wrong"),
    Right("HSET :minute:* posted 1", "switch: is mended"),
    Right("PEXPIRE :minute:* 1000", "switch: the counts' life"),
)
DIG = (
    *TALLY,
    *DROP_LETTERS,
    Right("ZRANGE :letters 0 -1 WITHSCORES", "dead: which letters there are, and how long"),
    Right("XRANGE :dead:* - +", "dead: what is in them"),
    Right("EVALSHA x 3 :log :meta :letters", "dig: requeue or drop"),
    Right("EVAL x 3 :log :meta :letters", "the same, where it was never run"),
    Right("ZSCORE :letters x", "dig: is the letter still there"),
    Right("XCLAIM :log any x 0 0-1 FORCE", "dig: to be handed out again"),
    Right("HINCRBY :meta requeued 1", "dig: counted"),
)
READ_LOG = (
    Right("TIME", "the store's clock decides what has expired"),
    Right("HMGET :meta epoch", "has the history begun anew"),
    Right("HGET :meta partitions", "how many logs there are"),
    Right("XREAD COUNT 1 STREAMS :log 0", "following the log"),
    Right("XRANGE :log - +", "the log, oldest first"),
    Right("XREVRANGE :log + -", "newest first"),
    Right("XLEN :log", "how much there is"),
    Right("XINFO STREAM :log", "the newest id"),
)


def group(name: str) -> Rights:
    """What a program with a consumer group of its own does besides: by hand, or with the package
    `consumers`."""
    facts, letters = f":group:{name}", f":dead:{name}"
    return (
        Right(f"XGROUP CREATE :log {name} 0", "the group"),
        Right(f"XREADGROUP GROUP {name} x STREAMS :log >", "entries that nobody was given"),
        Right(f"XACK :log {name} 0-1", "done"),
        Right(f"XPENDING :log {name}", "what is not done"),
        Right(f"XCLAIM :log {name} x 0 0-1", "a sign of life, an attempt, handing back"),
        Right(f"XAUTOCLAIM :log {name} x 1000 0-0", "what a consumer that stopped has left"),
        Right("XINFO GROUPS :log", "how far the group is"),
        Right(f"XINFO CONSUMERS :log {name}", "who is in it"),
        Right(f"XGROUP DELCONSUMER :log {name} x", "consumers that are gone"),
        Right("EXISTS :log", "join, keep: is there a log"),
        Right("HGET :meta window", "join, keep: its facts"),
        *_scripts("1 :log", "held, begin, reap, release, count"),
        *_scripts("2 :log :meta", "claim, ack"),
        *_scripts(f"3 :log :meta {facts}", "join, keep"),
        *_scripts(f"4 :log :meta :letters {letters}", "bury"),
        *_scripts(f"1 :done:{name}:*", "once"),
        Right(f"HGET {facts} epoch", "join, keep: where the group was"),
        Right(f"HMGET {facts} trimmed", "keep: what it has missed"),
        Right(f"HGETALL {facts}", "its counters"),
        Right(f"HSET {facts} epoch x", "join, keep: where it is"),
        Right(f"HDEL {facts} trimmed", "join, keep: what was told"),
        Right(f"HINCRBY {facts} handled 1", "ack, claim, bury: counted"),
        Right(f"PEXPIRE {facts} 1000", "their life"),
        Right(f"XADD {letters} * entry x", "bury: an entry that can't be handled"),
        Right(f"XDEL {letters} 0-1", "bury: in place of an earlier letter"),
        Right(f"XTRIM {letters} MINID 1-0", "dead letters live no longer than messages"),
        Right(f"PEXPIRETIME {letters}", "bury: they live as long as the last of them"),
        Right(f"PEXPIREAT {letters} 1", "the same"),
        Right(f"XLEN {letters}", "how many there are"),
        Right(f"XRANGE {letters} - +", "which"),
        Right("ZRANGEBYSCORE :letters 0 0", "bury: an earlier letter of the entry"),
        Right("ZADD :letters 0 x", "bury: when it goes"),
        Right("ZREM :letters x", "bury: an earlier letter of the entry"),
        Right("PEXPIRETIME :letters", "bury: the index lives as long as its last letter"),
        Right("PEXPIREAT :letters 1", "the same"),
        Right(f"SET :done:{name}:* 1 NX PXAT 1", "once: the mark"),
        Right(f"DEL :done:{name}:*", "once: what failed was not done"),
    )


def _scripts(keys: str, reason: str) -> Rights:
    return (
        Right(f"EVALSHA x {keys}", reason),
        Right(f"EVAL x {keys}", "the same, where it was never run"),
    )
