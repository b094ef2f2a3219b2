"""What web and worker do in the store: every call that they make (right.py)."""

from messenger.right import Right, in_view

CONNECT = (
    Right("CLIENT SETNAME messenger-pipe", "a connection says whose it is"),
    Right("CLIENT SETINFO LIB-NAME redis-py", "so does redis-py; not in Redis 7.0", True),
    Right("SELECT {database}", "the database that the store's URL names"),
    Right("ACL WHOAMI", "at the start: who are we"),
    Right("ACL DRYRUN messenger PING", "at the start: may we do all that we must"),
)
LOOK = (
    Right("INFO", "at the start: version, eviction, durability; the memory's figures"),
    Right("TIME", "the store's clock decides what has expired"),
    Right("HGET :meta partitions", "at the start: how many partitions there are"),
    Right("HMGET :meta window", "the window in force, and the epoch"),
)
SETTLE = (
    Right("EVALSHA x 4 :log :meta :expiring :secret", "settle: make a partition ready"),
    Right("EVAL x 4 :log :meta :expiring :secret", "the same, where it was never run"),
    Right("EXISTS :log", "settle: is there a history"),
    Right("HEXISTS :meta epoch", "settle: has it an epoch"),
    Right("HSET :meta epoch x", "settle: a new epoch, the number of partitions, the window"),
    Right("HDEL :meta window_next", "settle: what a new history forgets"),
    Right("HGET :meta secret", "settle: earlier versions kept it there"),
    Right("SET :secret x NX", "settle: the first one makes the secret"),
    Right("GET :secret", "settle: all others read it"),
    Right("XGROUP CREATE :log projector 0 MKSTREAM", "settle: the log and the projector's group"),
    Right("XINFO STREAM :log", "settle: the last id"),
    *in_view("ZRANGE :rooms 0 -1", "settle: the rooms of a history that is gone"),
    *in_view("UNLINK :room:*", "settle: a new history begins with an empty view"),
    *in_view("UNLINK :rooms", "the same"),
    Right("UNLINK :expiring", "the same"),
    Right("XRANGE :log - +", "settle: what a longer window must still expire early"),
    Right("ZADD :expiring NX 0 x", "settle: and when"),
)
FORGET = (
    Right("XRANGE :log - + COUNT 64", "which entries have expired"),
    Right("XINFO GROUPS :log", "which of them the projector was not given"),
    Right("XDEL :log 0-1", "the expired entries leave the log"),
    *in_view("UNLINK :message:*", "and their rows the view"),
    Right("HMGET :meta view beside", "which view is in force, and which is beside it"),
    Right("HINCRBY :meta swept 1", "counted"),
)
APPEND = (
    *FORGET,
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
ERASE = (
    Right("EVALSHA x 4 :log :meta :expiring :minute:*", "erase: a message before its time"),
    Right("EVAL x 4 :log :meta :expiring :minute:*", "the same, where it was never run"),
    Right("XRANGE :log 0-1 0-1", "erase: the message"),
    *in_view("GET :message:*", "erase: was it erased before"),
    *in_view("SET :message:* erased PXAT 1", "erase: its tombstone"),
    Right("XINFO GROUPS :log", "erase: was it counted as posted"),
    Right("XACK :log projector 0-1", "erase: nobody else counts it"),
    Right("HINCRBY :minute:* erased 1", "erase: counted"),
    Right("PEXPIRE :minute:* 1000", "erase: the counts' life"),
    Right("XDEL :log 0-1", "erase: the message leaves the log"),
    Right("ZREM :expiring x", "erase: it is due no more"),
    *in_view("ZREM :room:* x", "erase: it leaves the room's index"),
    Right("HMGET :meta window", "erase: the tombstone's life"),
    Right("XADD :log * type message.erased", "erase: the event that says so"),
)
READ_VIEW = (
    Right("EVALSHA x 1 :meta", "page, row, rooms: the view in force"),
    Right("EVAL x 1 :meta", "the same, where it was never run"),
    Right("HGET :meta view", "which view that is"),
    *in_view("ZREVRANGEBYLEX :room:* + -", "page: before an id"),
    *in_view("ZRANGEBYLEX :room:* - +", "page: after an id"),
    *in_view("GET :message:*", "page, row: the messages"),
    *in_view("ZRANGE :rooms +inf 0 BYSCORE REV", "rooms: those that live"),
    Right("XRANGE :log 0-1 0-1", "a message that the projector has not come to yet"),
)
HERE = (
    Right("EVALSHA x 1 :here", "census: how many listen in which rooms"),
    Right("EVAL x 1 :here", "the same, where it was never run"),
    Right("HGET :here x", "census: another process's last sign of life, and its counts"),
    Right("HKEYS :here", "census: which processes there are"),
    Right("HSET :here x 1", "census: our own sign of life, and our counts"),
    Right("HDEL :here x", "census: a process that is dead or stops"),
    Right("PEXPIRE :here 1000", "census: with the last of them it goes"),
)
TAIL = (
    Right("XREAD COUNT 1 STREAMS :log 0", "following the log"),
    Right("XRANGE :log - +", "what memory let go of"),
)
FIGURES = (
    Right("HGETALL :meta", "counters, the last sweep"),
    Right("XLEN :log", "entries in the log"),
    Right("XLEN :dead:projector", "dead letters"),
    Right("XINFO STREAM :log", "the newest id"),
    Right("XINFO GROUPS :log", "how far the projector is"),
    Right("XRANGE :log - + COUNT 10000", "how many entries it was not given"),
)
PROJECT = (
    Right("XREADGROUP GROUP projector x STREAMS :log >", "new entries"),
    Right("EVALSHA x 3 :log :meta :minute:*", "apply: a batch to the view"),
    Right("EVAL x 3 :log :meta :minute:*", "the same, where it was never run"),
    Right("XACK :log projector 0-1", "apply: the ack is the claim"),
    Right(
        "HMGET :meta view building window", "apply: to which views, and which ids can still live"
    ),
    Right("HINCRBY :minute:* posted 1", "apply: counted"),
    Right("PEXPIRE :minute:* 1000", "apply: the counts' life"),
    Right("HINCRBY :meta projected 1", "apply: counted"),
    *in_view("GET :message:*", "apply: is the row there, or a tombstone"),
    *in_view("SET :message:* x PXAT 1", "apply: the row"),
    *in_view("ZADD :room:* 0 x", "apply: the room's index"),
    *in_view("ZREM :room:* x", "apply: an erased message leaves it"),
    *in_view("ZREMRANGEBYLEX :room:* - (x", "apply: so do those that have expired"),
    *in_view("ZADD :rooms GT 0 x", "apply: the rooms that live"),
    *in_view("PEXPIRETIME :room:*", "apply: an index lives as long as its last message"),
    *in_view("PEXPIREAT :room:* 1", "the same"),
    *in_view("PEXPIRETIME :rooms", "the same"),
    *in_view("PEXPIREAT :rooms 1", "the same"),
)
REDELIVER = (
    Right("EVALSHA x 2 :log :meta", "claim: what another projector left"),
    Right("EVAL x 2 :log :meta", "the same, where it was never run"),
    Right("XAUTOCLAIM :log projector x 2000 0-0", "claim: taken over"),
    Right("HINCRBY :meta redelivered 1", "claim: counted"),
    Right("XINFO CONSUMERS :log projector", "which consumers are gone"),
    Right("XGROUP DELCONSUMER :log projector x", "they are forgotten"),
)
BURY = (
    Right("XRANGE :log 0-1 0-1", "bury: the entry as it stands"),
    Right("EVALSHA x 2 :log :dead:projector", "bury: to the dead letters"),
    Right("EVAL x 2 :log :dead:projector", "the same, where it was never run"),
    Right("XACK :log projector 0-1", "bury: it is pending no more"),
    Right("XADD :dead:projector 0-1 entry x", "bury: the dead letter"),
)
SWEEP = (
    *FORGET,
    Right("EVALSHA x 4 :log :meta :expiring :dead:projector", "sweep"),
    Right("EVAL x 4 :log :meta :expiring :dead:projector", "where it was never run"),
    Right("EXISTS :log", "sweep: is there a log"),
    Right("HSET :meta swept_at 0", "sweep: when, how late, up to where; a window that shrinks"),
    Right("HDEL :meta window_next", "sweep: a window that has shrunk"),
    Right("ZRANGE :expiring 0 0", "sweep: how late it is"),
    Right("ZRANGEBYSCORE :expiring -inf 0", "sweep: short lives that are due"),
    Right("ZREM :expiring x", "sweep: done"),
    *in_view("GET :message:*", "sweep: a tombstone stays"),
    *in_view("SET :message:* expired PXAT 1", "sweep: what was, and is over"),
    *in_view("ZREMRANGEBYSCORE :rooms -inf 0", "sweep: rooms with nothing in them"),
    Right("XTRIM :dead:projector MINID 1-0", "sweep: dead letters live no longer"),
    Right("XREVRANGE :log + - COUNT 1", "sweep: is the clock behind the newest id"),
)
