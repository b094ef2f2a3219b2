"""A consumer group on the messenger's log with nothing but redis-py: what docs/consumers.md asks of any
client, written out.

    python plain_redis.py STORE_URL GROUP NAME

NAME stays the same when the program is started again, and no two that run at once have the same.
Prints a line for each message that it handles, which may come twice after a crash: an effect should be
done once for each key, which is the partition and the entry id.
"""

import signal
import sys
import time

import redis

IDLE_MS = 5_000  # longer than handle() takes: after it others take over what we hold
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
        self.epoch = ""
        self.expired = 0
        # Where to read on in what we were given before and have not acked; None when that is done.
        self.own: bytes | None = b"0"

    def join(self) -> None:
        """Makes the group where it is not there: at the start of what lives, never at its end."""
        try:
            self.store.xgroup_create(self.log, self.group, "0-0")
        except redis.ResponseError as error:
            if "requires the key to exist" in str(error):
                raise redis.ConnectionError("the messenger has not made the log yet") from None
            if not str(error).startswith("BUSYGROUP"):  # it is there
                raise
        # Only now: before, it could have been that of the log that was there before.
        epoch = text(self.store.hget(self.meta, "epoch") or b"")
        if self.epoch not in ("", epoch):
            say(f"partition {self.number}: the log began anew")
        self.epoch = epoch

    def step(self, block_ms: int) -> None:
        """Handles what there is: what we were given before, what others left, what is new."""
        try:
            entries = self.again() if self.own else [*self.left(), *self.read(">", block_ms)]
        except redis.ResponseError as error:
            # The log or the group was deleted; Redis 7.0 says UNBLOCKED where later ones say NOGROUP.
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self.join()
            return
        except (redis.ConnectionError, redis.TimeoutError):
            self.own = b"0"  # a reply may have been lost
            raise
        for entry_id, raw in entries:
            self.take(text(entry_id), raw)
        self.tell_expired()

    def again(self) -> list[tuple[bytes, dict]]:
        found = self.read(self.own, None)
        self.own = found[-1][0] if found else None
        return found

    def read(self, after: bytes | str, block_ms: int | None) -> list[tuple[bytes, dict]]:
        streams = self.store.xreadgroup(
            self.group, self.name, {self.log: after}, count=COUNT, block=block_ms
        )
        return streams[0][1] if streams else []

    def left(self) -> list[tuple[bytes, dict]]:
        """What a consumer that died was given, and what we have failed at. Entries that are no more are
        acked by the claim."""
        claim = self.store.xautoclaim(self.log, self.group, self.name, IDLE_MS, "0-0", count=COUNT)
        return claim[1]

    def take(self, entry_id: str, raw: dict) -> None:
        """Handles one entry, and acks it when it is done; what fails stays pending, and comes again."""
        fields = {text(name): text(value) for name, value in raw.items()}
        if is_for_us(entry_id, fields, now_ms(self.store)):
            try:
                handle(f"{self.number}/{entry_id}", fields)
            except Stopped:
                raise
            except Exception as error:
                if self.tries(entry_id) < TRIES:
                    return
                say(f"gave up {self.number}/{entry_id} after {TRIES} tries: {error}")
        self.store.xack(self.log, self.group, entry_id)

    def tries(self, entry_id: str) -> int:
        (found,) = self.store.xpending_range(self.log, self.group, entry_id, entry_id, 1)
        return found["times_delivered"]

    def tell_expired(self) -> None:
        """The messenger counts for each group what expired before it was handed out."""
        expired = int(self.store.hget(self.facts, "expired_unprocessed") or 0)
        if expired > self.expired:
            say(f"partition {self.number}: {expired - self.expired} entries expired unread")
        self.expired = expired


def is_for_us(entry_id: str, fields: dict[str, str], now: int) -> bool:
    """A message that lives. An entry that was trimmed while it was pending has no fields; unknown types
    are for others; what breaks the contract can't be handled."""
    if fields.get("type") != "message.posted" or not fields.keys() >= {"room", "author", "text"}:
        return False
    ttl = fields.get("ttl", "")
    return ttl.isdigit() and int(entry_id.split("-")[0]) + int(ttl) > now


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


def join_all(store: redis.Redis, group: str, name: str) -> list[Partition]:
    count = int(store.hget("messenger:{0}:meta", "partitions") or 0)
    if not count:
        raise redis.ConnectionError("no messenger has used this store yet")
    partitions = [Partition(store, number, group, name) for number in range(count)]
    for partition in partitions:
        partition.join()
    return partitions


def work(store: redis.Redis, group: str, name: str) -> None:
    partitions: list[Partition] = []
    while True:
        try:
            partitions = partitions or join_all(store, group, name)
            for partition in partitions:
                partition.step(BLOCK_MS // len(partitions))
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
