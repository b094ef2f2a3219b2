"""A consumer group on the messenger's log with FastStream (`pip install "faststream[redis]"`).

    python faststream_consumer.py STORE_URL GROUP NAME

FastStream reads, hands each entry's fields to the handler, and acks what the handler has done. The rest
of what docs/consumers.md asks of any client is written out here: FastStream's own group begins at the
end, it ends when its group is gone, and the way in which it claims (`min_idle_time`) drops entries that
are gone without a word.

NAME stays the same when the program is started again, and no two that run at once have the same.
Prints a line for each message that it handles, which may come twice after a crash: an effect should be
done once for each key, which is the partition and the entry id. What it can't handle any more it says on
standard error: nothing is missed in silence.
"""

import asyncio
import contextlib
import logging
import signal
import sys

import redis.asyncio
from faststream import AckPolicy
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from faststream.redis.message import DefaultStreamMessage

IDLE_MS = 5_000  # longer than COUNT entries take: after it others take over what we hold
TRIES = 5
BLOCK_MS = 500  # shorter than the client's socket time-out
COUNT = 100


async def handle(key: str, fields: dict[str, str]) -> None:
    """Yours. Raise for what should be tried again."""
    print(f"{key} {fields['room']} {fields['author']}: {fields['text']}", flush=True)


class Partition:
    """One of the store's logs, read with our group."""

    def __init__(self, store: redis.asyncio.Redis, number: int, group: str, name: str) -> None:
        self.store, self.group, self.name = store, group, name
        self.number = number
        self.log = f"messenger:{{{number}}}:log"
        self.meta = f"messenger:{{{number}}}:meta"
        self.facts = f"messenger:{{{number}}}:group:{group}"
        self.epoch: bytes | None = None
        self.expired: bytes | None = None
        self.trimmed_to: bytes | None = None

    async def join(self) -> None:
        """Makes the group where it is not there: at the start of what lives, never at its end."""
        try:
            await self.store.xgroup_create(self.log, self.group, "0-0")
        except redis.ResponseError as error:
            if "requires the key to exist" in str(error):
                raise redis.ConnectionError("the messenger has not made the log yet") from None
            if not str(error).startswith("BUSYGROUP"):  # it is there
                raise
            return
        if self.epoch:
            self.say("the group was gone; it is made again at the log's start")

    def subscribe(self, broker: RedisBroker) -> None:
        stream = StreamSub(
            self.log,
            group=self.group,
            consumer=self.name,
            polling_interval=BLOCK_MS,
            max_records=COUNT,
            declare=False,  # the log is the messenger's to make
        )
        # What fails stays pending, and comes again.
        self.subscriber = broker.subscriber(stream=stream, ack_policy=AckPolicy.NACK_ON_ERROR)
        self.subscriber(self.take)

    async def take(self, fields: dict[str, str], message: RedisStreamMessage) -> None:
        """Handles one entry. FastStream acks it when this returns."""
        entry_id = message.raw_message["message_ids"][0].decode()
        if not is_for_us(fields):
            return
        if expires_at(entry_id, fields) <= await now_ms(self.store):
            say(f"missed {self.number}/{entry_id}: it has expired")
            return
        await handle(f"{self.number}/{entry_id}", fields)

    async def take_over(self) -> None:
        """What was handed out and not acked for so long: its consumer died, a reply was lost, or we have
        failed at it. First we look whether it is still there, for a claim drops what is not without a
        word."""
        for each in await self.store.xpending_range(
            self.log, self.group, "-", "+", COUNT, idle=IDLE_MS
        ):
            entry_id = each["message_id"]
            if not await self.store.xrange(self.log, entry_id, entry_id):
                await self.give_up(entry_id, "it is gone")
            elif each["times_delivered"] >= TRIES:
                await self.give_up(entry_id, f"it was tried {TRIES} times")
            else:
                for _, fields in await self.store.xclaim(
                    self.log, self.group, self.name, IDLE_MS, [entry_id]
                ):
                    await self.subscriber.consume(
                        DefaultStreamMessage(
                            type="stream", channel=self.log, message_ids=[entry_id], data=fields
                        )
                    )

    async def give_up(self, entry_id: bytes, why: str) -> None:
        """Says what is not handled, and only then acks it."""
        say(f"missed {self.number}/{entry_id.decode()}: {why}")
        await self.store.xack(self.log, self.group, entry_id)

    async def tell(self) -> None:
        """What the group was not even handed, and a new history. After a start we tell it again."""
        epoch, trimmed_to = await self.store.hmget(self.meta, "epoch", "trimmed_to")
        # The messenger counts for each group what expired before it was handed out.
        expired = await self.store.hget(self.facts, "expired_unprocessed")
        if epoch and self.epoch and epoch != self.epoch:
            self.say("the log began anew")
        if expired and expired != self.expired:
            self.say(f"{expired.decode()} entries have expired unread by now")
        if trimmed_to and trimmed_to != self.trimmed_to:
            until = trimmed_to.decode()
            self.say(f"somebody has cut the log up to {until}; what was unread is missed")
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


async def now_ms(store: redis.asyncio.Redis) -> int:
    """The store's clock decides."""
    seconds, micros = await store.time()
    return seconds * 1_000 + micros // 1_000


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


async def serve(url: str, partitions: list[Partition], stop: asyncio.Event) -> None:
    """Until the stop, or until FastStream has ended a subscriber: it does when the group is gone."""
    async with RedisBroker(url, socket_timeout=5, log_level=logging.DEBUG) as broker:
        for partition in partitions:
            await partition.join()
            partition.subscribe(broker)
        await broker.start()
        while not stop.is_set() and all(each.subscriber.running for each in partitions):
            for partition in partitions:
                await partition.take_over()
                await partition.tell()
            await wait(stop)


async def wait(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), 1)


async def main(url: str, group: str, name: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    partitions: list[Partition] = []
    async with redis.asyncio.Redis.from_url(url, socket_timeout=5) as store:
        while not stop.is_set():
            try:
                count = int(await store.hget("messenger:{0}:meta", "partitions") or 0)
                if not count:
                    raise redis.ConnectionError("no messenger has used it yet")
                for number in range(len(partitions), count):
                    partitions.append(Partition(store, number, group, name))
                await serve(url, partitions[:count], stop)
            except (redis.ConnectionError, redis.TimeoutError, TimeoutError) as error:
                say(f"the store is away: {error}")
                await wait(stop)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
