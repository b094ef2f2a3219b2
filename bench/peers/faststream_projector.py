"""The projector's work with FastStream: a batch subscriber that writes rows, indexes and counts by one
redis-py pipeline a batch, and is acked after it. At least once, where ours counts each entry once.

    python -m bench.peers.faststream_projector STORE_URL COUNT

Prints the seconds that COUNT entries took.
"""

import asyncio
import logging
import sys
import time
from collections import Counter, defaultdict

import redis.asyncio
from faststream import AckPolicy
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub

from messenger.entries import EntryId
from messenger.keys import MINUTE_LIFE_MS, Keys
from messenger.log import member
from messenger.messages import Message, encode

_BATCH = 500
_KEYS = Keys(0)
_VIEW = _KEYS.view("")


class Projection:
    """Writes each batch; `done` when so many entries were written."""

    def __init__(self, client: redis.asyncio.Redis, count: int) -> None:
        self._client = client
        self._left = count
        self.done = asyncio.Event()

    async def take(self, batch: list[dict[str, str]], message: RedisStreamMessage) -> None:
        ids = [EntryId.read(each) for each in message.raw_message["message_ids"]]
        messages = [_message(*each) for each in zip(ids, batch, strict=True)]
        async with self._client.pipeline(transaction=False) as pipeline:
            for entry_id, each in zip(ids, messages, strict=True):
                pipeline.set(_VIEW.message(str(entry_id)), encode(each), pxat=each.expires_at)
            _write_rooms(pipeline, ids, messages)
            for minute, count in Counter(_KEYS.minute(each.ms) for each in ids).items():
                pipeline.hincrby(minute, "posted", count)
                pipeline.pexpire(minute, MINUTE_LIFE_MS)
            await pipeline.execute()
        self._left -= len(batch)
        if self._left <= 0:
            self.done.set()


def _message(entry_id: EntryId, fields: dict[str, str]) -> Message:
    room, author, text, ttl = (fields[name] for name in ("room", "author", "text", "ttl"))
    return Message(str(entry_id), room, author, text, entry_id.ms, entry_id.ms + int(ttl))


def _write_rooms(
    pipeline: redis.asyncio.client.Pipeline,
    ids: list[EntryId],
    messages: list[Message],
) -> None:
    rooms: dict[str, dict[str, float]] = defaultdict(dict)
    until: dict[str, int] = {}
    for entry_id, each in zip(ids, messages, strict=True):
        rooms[each.room][member(entry_id)] = 0
        until[each.room] = each.expires_at
    for room, members in rooms.items():
        pipeline.zadd(_VIEW.room(room), members)
        pipeline.pexpireat(_VIEW.room(room), until[room], gt=True)
    pipeline.zadd(_VIEW.rooms, until, gt=True)


async def _run(url: str, count: int) -> None:
    async with RedisBroker(url, logger=logging.getLogger()) as broker:
        projection = Projection(redis.asyncio.Redis.from_url(url, legacy_responses=False), count)
        stream = StreamSub(
            _KEYS.log,
            group="projector",
            consumer="faststream",
            batch=True,
            max_records=_BATCH,
            polling_interval=100,
            declare=False,
        )
        subscriber = broker.subscriber(stream=stream, ack_policy=AckPolicy.NACK_ON_ERROR)
        subscriber(projection.take)
        began = time.perf_counter()
        await broker.start()
        await projection.done.wait()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], int(sys.argv[2])))
