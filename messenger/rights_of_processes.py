"""What web and worker do in the store: every call that they make (right.py)."""

from messenger.right import Right, in_view

# What is counted for any group: parts of other scripts (lua/groups.lua).
TALLY = (
    Right("XINFO GROUPS :log", "which groups there are, and how far each is"),
    Right("HGET :meta window", "the window in force"),
    Right("HINCRBY :meta expired_unprocessed 1", "counted for the projector"),
    Right("HINCRBY :group:* expired_unprocessed 1", "counted for a group of others"),
    Right("PEXPIRE :group:* 1000", "the life of what is known of a group"),
)
# A message that goes takes its dead letters along, of every group (lua/letters.lua).
DROP_LETTERS = (
    Right("ZRANGEBYSCORE :letters 0 0", "which dead letters go"),
    Right("XDEL :dead:* 0-1", "the letter, with its text"),
    Right("ZREM :letters x", "and its place in the index"),
)
CONNECT = (
    Right("CLIENT SETNAME messenger-pipe", "a connection says whose it is"),
    Right("CLIENT SETINFO LIB-NAME redis-py", "so does redis-py; not in Redis 7.0", True),
    Right("SELECT {database}", "the database that the store's URL names"),
    Right("CLUSTER SLOTS", "in a cluster: which server has which slot"),
    Right("CLUSTER NODES", "in a cluster: who knows it best"),
    Right("EXISTS :whole", "in a cluster, each script: is its slot being moved"),
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
    Right("HSETNX :meta removed 0", "settle: from when on it is counted what our scripts remove"),
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
    *TALLY,
    Right("XRANGE :log - + COUNT 64", "which entries have expired"),
    Right("XDEL :log 0-1", "the expired entries leave the log"),
    *in_view("UNLINK :message:*", "and their rows the view"),
    Right("HMGET :meta view beside", "which view is in force, and which is beside it"),
    Right("HINCRBY :meta swept 1", "counted"),
)
# Where replicas must have what was accepted (confirmed.py).
CONFIRM = (
    Right("EVAL x 1 :mark", "confirm: a write after all that replicas must have"),
    Right("SET :mark x PX 1000", "confirm: that write"),
    Right("WAIT 1 1000", "confirm: do so many replicas have it"),
)
APPEND = (
    *FORGET,
    *CONFIRM,
    Right(
        "EVALSHA x 7 :log :meta :expiring :sent:* :visitor:* :spoken:* :opened:*", "append: a post"
    ),
    Right(
        "EVAL x 7 :log :meta :expiring :sent:* :visitor:* :spoken:* :opened:*",
        "where it was never run",
    ),
    Right("GET :sent:*", "append: was this key seen before"),
    Right("SET :sent:* x PX 1000", "append: remember it"),
    Right("GET :visitor:*", "append: may this visitor post now"),
    Right("SET :visitor:* 0 PX 1000", "append: the visitor's rate"),
    Right("GET :spoken:*", "append: may the room be posted to now"),
    Right("SET :spoken:* 0 PX 1000", "append: the room's rate"),
    Right("GET :opened:*", "append: may the visitor open a room now"),
    Right("SET :opened:* 0 PX 1000", "append: the rooms that it has opened"),
    Right("XREVRANGE :log + - COUNT 1", "append: which entry was the last"),
    Right("XADD :log * type message.posted", "append: the post itself"),
    Right("ZADD :expiring 0 x", "append: a life shorter than the window"),
    Right("HSET :meta window_at 0", "append: a shorter window waits for it"),
)
ERASE = (
    *TALLY,
    *DROP_LETTERS,
    *CONFIRM,
    Right("EVALSHA x 5 :log :meta :expiring :minute:* :letters", "erase: before its time"),
    Right("EVAL x 5 :log :meta :expiring :minute:* :letters", "where it was never run"),
    Right("XRANGE :log 0-1 0-1", "erase: the message"),
    *in_view("GET :message:*", "erase: was it erased before"),
    *in_view("SET :message:* erased PXAT 1", "erase: its tombstone"),
    Right("XACK :log projector 0-1", "erase: in every group, for nobody is to handle it"),
    Right("HINCRBY :minute:* erased 1", "erase: counted"),
    Right("PEXPIRE :minute:* 1000", "erase: the counts' life"),
    Right("XDEL :log 0-1", "erase: the message leaves the log"),
    Right("ZREM :expiring x", "erase: it is due no more"),
    *in_view("ZREM :room:* x", "erase: it leaves the room's index"),
    Right("HMGET :meta view beside", "erase: from which views"),
    Right("HINCRBY :meta removed 1", "erase: counted"),
    Right("XADD :log * type message.erased", "erase: the event that says so"),
)
READ_VIEW = (
    Right("EVALSHA x 1 :meta", "page, row, rooms: the view in force"),
    Right("EVAL x 1 :meta", "the same, where it was never run"),
    Right("HGET :meta view", "which view that is"),
    *in_view("ZREVRANGEBYLEX :room:* + -", "page: before an id"),
    *in_view("ZRANGEBYLEX :room:* - +", "page: after an id"),
    *in_view("MGET :message:*", "page: the messages"),
    *in_view("GET :message:*", "row: one message"),
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
    Right("XINFO STREAM :log", "the newest id"),
    Right("XINFO GROUPS :log", "how far each group is"),
    Right("EVALSHA x 1 :log", "count: how many entries it was not given"),
    Right("EVAL x 1 :log", "the same, where it was never run"),
    Right("XRANGE :log - + COUNT 1000", "count: a part of them"),
    Right("XPENDING :log projector", "what each group holds"),
    Right("XINFO CONSUMERS :log projector", "who is in it"),
    Right("XLEN :dead:*", "its dead letters"),
    Right("HGETALL :group:*", "its counters"),
)
PROJECT = (
    Right("XREADGROUP GROUP projector x STREAMS :log >", "new entries"),
    Right("EVALSHA x 1 :log", "held: what a lost reply had in it"),
    Right("EVAL x 1 :log", "the same, where it was never run"),
    Right("XPENDING :log projector - + 500 x", "held: which entries are ours"),
    Right("XRANGE :log 0-1 0-1", "held: what is in them"),
    Right("EVALSHA x 3 :log :meta :minute:*", "apply: a batch to the view"),
    Right("EVAL x 3 :log :meta :minute:*", "the same, where it was never run"),
    Right("XACK :log projector 0-1", "apply: the ack is the claim"),
    Right(
        "HMGET :meta view building window", "apply: to which views, and which ids can still live"
    ),
    Right("HINCRBY :minute:* posted 1", "apply: counted"),
    Right("PEXPIRE :minute:* 1000", "apply: the counts' life"),
    Right("HINCRBY :meta projected 1", "apply: counted"),
    *in_view("SET :message:* x NX GET PXAT 1", "apply: the row, or what is there"),
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
    *TALLY,
    Right("EVALSHA x 2 :log :meta", "claim: what another projector left"),
    Right("EVAL x 2 :log :meta", "the same, where it was never run"),
    Right("XAUTOCLAIM :log projector x 2000 0-0", "claim: taken over"),
    Right("XRANGE :log 0-1 0-1", "claim: what is in them"),
    Right("XPENDING :log projector 0-1 0-1 1", "claim: how often each was delivered"),
    Right("EVALSHA x 1 :log", "reap: consumers that are gone"),
    Right("EVAL x 1 :log", "the same, where it was never run"),
    Right("XINFO CONSUMERS :log projector", "reap: which they are"),
    Right("XGROUP DELCONSUMER :log projector x", "reap: they are forgotten"),
)
BURY = (
    *TALLY,
    *DROP_LETTERS,
    Right("EVALSHA x 4 :log :meta :letters :dead:projector", "bury: to the dead letters"),
    Right("EVAL x 4 :log :meta :letters :dead:projector", "the same, where it was never run"),
    Right("XRANGE :log 0-1 0-1", "bury: the entry as it stands"),
    Right("XACK :log projector 0-1", "bury: it is pending no more"),
    Right("XADD :dead:projector * entry x", "bury: the dead letter"),
    Right("ZADD :letters 0 x", "bury: when it goes"),
    Right("PEXPIRETIME :letters", "bury: the index lives as long as its last letter"),
    Right("PEXPIREAT :letters 1", "the same"),
    Right("PEXPIRETIME :dead:projector", "bury: so do the letters"),
    Right("PEXPIREAT :dead:projector 1", "the same"),
)
SWEEP = (
    *FORGET,
    *DROP_LETTERS,
    Right("EVALSHA x 5 :log :meta :expiring :letters :dead:projector", "sweep"),
    Right("EVAL x 5 :log :meta :expiring :letters :dead:projector", "where it was never run"),
    Right("EXISTS :log", "sweep: is there a log"),
    Right("HSET :meta swept_at 0", "sweep: when, how late, up to where; a window that shrinks"),
    Right("HDEL :meta window_next", "sweep: a window that has shrunk"),
    Right("ZRANGE :expiring 0 0", "sweep: how late it is"),
    Right("ZRANGEBYSCORE :expiring -inf 0", "sweep: short lives that are due"),
    Right("ZREM :expiring x", "sweep: done"),
    *in_view("GET :message:*", "sweep: a tombstone stays"),
    *in_view("SET :message:* expired PXAT 1", "sweep: what was, and is over"),
    *in_view("ZREMRANGEBYSCORE :rooms -inf 0", "sweep: rooms with nothing in them"),
    Right("XTRIM :dead:projector MINID 1-0", "sweep: dead letters of before there was an index"),
    Right("XINFO STREAM :log", "sweep: has somebody else taken entries out"),
    Right("HGET :meta removed", "sweep: what our scripts have taken out"),
    Right("HINCRBY :meta removed 1", "sweep: counted"),
    Right("XINFO GROUPS :log", "sweep: how far each group is"),
    Right("HMGET :group:* swept delivered", "sweep: how far it was"),
    Right("HSET :group:* swept 0-1", "sweep: what it has missed by a trim"),
    Right("XREVRANGE :log + - COUNT 1", "sweep: is the clock behind the newest id"),
)
CUT = (
    Right("XINFO GROUPS :log", "cut: how far the projector is"),
    Right("HINCRBY :meta expired_unprocessed 1", "cut: what it can't apply any more"),
    Right("EVALSHA x 3 :log :meta :expiring", "cut: the oldest, where the store is nearly full"),
    Right("EVAL x 3 :log :meta :expiring", "the same, where it was never run"),
    Right("MEMORY USAGE :log", "whether it is messages that fill the store"),
    Right("XLEN :log", "the same"),
    Right("XRANGE :log - + COUNT 500", "cut: the oldest"),
    Right("XDEL :log 0-1", "cut: they leave the log"),
    Right("ZREM :expiring x", "cut: they are due no more"),
    *in_view("UNLINK :message:*", "cut: their rows leave the view"),
    *in_view("ZREMRANGEBYLEX :room:* - (x", "cut: and the rooms' indexes"),
    *in_view("EXISTS :room:*", "cut: is anything left in the room"),
    *in_view("ZREM :rooms x", "cut: a room with nothing in it"),
    Right("HMGET :meta view beside", "cut: from which views"),
    Right("HSET :meta trimmed_to 0-1", "cut: up to where, and when"),
    Right("HINCRBY :meta trimmed 1", "cut: counted"),
    Right("SCAN 0", "cut: the keys of posts, to find those of what was cut"),
    Right("GET :sent:*", "cut: which post is it"),
    Right("UNLINK :sent:*", "cut: its key is free"),
)
