"""A consumer group on the messenger's log with nothing but redis-py: what docs/consumers.md asks of any
client, written out.

    python plain_redis.py STORE_URL GROUP NAME

NAME stays the same when the program is started again, and no two that run at once have the same.
Prints a line for each message that it handles, which may come twice after a crash: an effect should be
done once for each key, which is the partition and the entry id. What it can't handle any more it says on
standard error: nothing is missed in silence.
"""

import signal
import sys
import time

import redis

IDLE_MS = 5_000  # longer than COUNT entries take: after it others take over what we hold
TRIES = 5
BLOCK_MS = 500  # shorter than the client's socket time-out
COUNT = 100


class Stopped(Exception):
    """SIGTERM or Ctrl-C."""


def handle(key: str, fields: dict[str, str]) -> None:
    """Yours. Raise for what should be tried again."""
    print(f"{key} {fields['room']} {fields['author']}: {fields['text']}", flush=True)


class Partition:
    """One of the store's logs, read with our group."""

    def __init__(self, store: redis.Redis, number: int, group: str, name: str) -> None:
        self.store, self.group, self.name = store, group, name
        self.number = number
        self.log = f"messenger:{{{number}}}:log"
        self.meta = f"messenger:{{{number}}}:meta"
        self.facts = f"messenger:{{{number}}}:group:{group}"
        self.epoch: bytes | None = None
        self.expired: bytes | None = None
        self.trimmed_to: bytes | None = None
        # After a start and after a lost reply: we may hold entries that we do not know of.
        self.holds_unknown = True

    def join(self) -> None:
        """Makes the group where it is not there: at the start of what lives, never at its end."""
        try:
            self.store.xgroup_create(self.log, self.group, "0-0")
        except redis.ResponseError as error:
            if "requires the key to exist" in str(error):
                raise redis.ConnectionError("the messenger has not made the log yet") from None
            if not str(error).startswith("BUSYGROUP"):  # another has made it
                raise
            return
        if self.epoch:
            self.say("the group was gone; it is made again at the log's start")

    def step(self, block_ms: int) -> None:
        """Handles what there is: what we were given before, what others left, what is new."""
        try:
            if self.holds_unknown:
                self.take_over(0, self.name)
                self.holds_unknown = False
            self.take_over(IDLE_MS)
            self.read(block_ms)
        except redis.ResponseError as error:
            # The group is not there yet, or it or the log was deleted; Redis 7.0 says UNBLOCKED where
            # later ones say NOGROUP.
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self.join()
        except (redis.ConnectionError, redis.TimeoutError):
            self.holds_unknown = True
            raise
        self.tell()

    def read(self, block_ms: int) -> None:
        streams = self.store.xreadgroup(
            self.group, self.name, {self.log: ">"}, count=COUNT, block=block_ms
        )
        for entry_id, raw in streams[0][1] if streams else []:
            self.take(text(entry_id), raw)

    def take_over(self, idle_ms: int, holder: str | None = None) -> None:
        """What was handed out and not acked for so long: its consumer died, a reply was lost, or we have
        failed at it. First we look whether it is still there, for a claim drops what is not without a
        word."""
        for each in self.store.xpending_range(
            self.log, self.group, "-", "+", COUNT, holder, idle=idle_ms
        ):
            entry_id = text(each["message_id"])
            if not self.store.xrange(self.log, entry_id, entry_id):
                self.give_up(entry_id, "it is gone")
            elif each["times_delivered"] >= TRIES:
                self.give_up(entry_id, f"it was tried {TRIES} times")
            else:
                for _, raw in self.store.xclaim(
                    self.log, self.group, self.name, idle_ms, [entry_id]
                ):
                    self.take(entry_id, raw)

    def take(self, entry_id: str, raw: dict) -> None:
        """Handles one entry, and acks it when it is done; what fails stays pending, and comes again."""
        fields = {text(name): text(value) for name, value in raw.items()}
        if is_for_us(fields):
            if expires_at(entry_id, fields) <= now_ms(self.store):
                self.give_up(entry_id, "it has expired")
                return
            try:
                handle(f"{self.number}/{entry_id}", fields)
            except Stopped:
                raise
            except Exception as error:
                say(f"failed at {self.number}/{entry_id}: {error!r}")
                return
        self.store.xack(self.log, self.group, entry_id)

    def give_up(self, entry_id: str, why: str) -> None:
        """Says what is not handled, and only then acks it."""
        say(f"missed {self.number}/{entry_id}: {why}")
        self.store.xack(self.log, self.group, entry_id)

    def tell(self) -> None:
        """What the group was not even handed, and a new history. After a start we tell it again."""
        epoch, trimmed_to = self.store.hmget(self.meta, "epoch", "trimmed_to")
        # The messenger counts for each group what expired before it was handed out.
        expired = self.store.hget(self.facts, "expired_unprocessed")
        if epoch and self.epoch and epoch != self.epoch:
            self.say("the log began anew")
        if expired and expired != self.expired:
            self.say(f"{text(expired)} entries have expired unread by now")
        if trimmed_to and trimmed_to != self.trimmed_to:
            self.say(
                f"somebody has cut the log up to {text(trimmed_to)}; what was unread is missed"
            )
        self.epoch, self.expired, self.trimmed_to = epoch or self.epoch, expired, trimmed_to

    def say(self, words: str) -> None:
        say(f"partition {self.number}: {words}")


def is_for_us(fields: dict[str, str]) -> bool:
    """A message: unknown types are for others, and what breaks the contract can't be handled."""
    if fields.get("type") != "message.posted" or not fields.keys() >= {"room", "author", "text"}:
        return False
    return fields.get("ttl", "").isdigit()


def expires_at(entry_id: str, fields: dict[str, str]) -> int:
    return int(entry_id.split("-")[0]) + int(fields["ttl"])


def text(raw: bytes) -> str:
    """Other programs may write what is no UTF-8."""
    return raw.decode(errors="replace")


def now_ms(store: redis.Redis) -> int:
    seconds, micros = store.time()
    return seconds * 1_000 + micros // 1_000


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def stop(*_: object) -> None:
    raise Stopped


def work(store: redis.Redis, group: str, name: str) -> None:
    partitions: dict[int, Partition] = {}
    while True:
        try:
            count = int(store.hget("messenger:{0}:meta", "partitions") or 0)
            for number in range(count):
                if number not in partitions:
                    partitions[number] = Partition(store, number, group, name)
                partitions[number].step(BLOCK_MS // count)
            if not count:
                raise redis.ConnectionError("no messenger has used it yet")
        except (redis.ConnectionError, redis.TimeoutError) as error:
            say(f"the store is away: {error}")
            time.sleep(1)


def main(url: str, group: str, name: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        work(redis.Redis.from_url(url, socket_timeout=5), group, name)
    except Stopped:
        return


main(*sys.argv[1:])
