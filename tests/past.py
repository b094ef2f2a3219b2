"""Many entries at once, with ids of the test's choice: the past is made, not waited for."""

from collections.abc import Iterable, Iterator

import redis

from messenger.keys import Keys
from tests.private_store import PrivateStore
from tests.raw import now_ms

AN_HOUR = 3_600_000


def fill(client: redis.Redis, ids: Iterable[str], partition: int = 0, **fields: str) -> int:
    """Appends a message for each id, its text the id; how many."""
    key, count = Keys(partition).log, 0
    with client.pipeline(transaction=False) as pipeline:
        for count, entry_id in enumerate(ids, 1):
            whole = {"type": "message.posted", "room": "lobby", "author": "raw", "text": entry_id}
            pipeline.xadd(key, {**whole, "ttl": str(AN_HOUR), **fields}, id=entry_id)
            if count % 10_000 == 0:
                pipeline.execute()
        pipeline.execute()
    return count


def fill_in(store: PrivateStore, ids: Iterable[str], partition: int, room: str) -> None:
    """The same, wherever the partition is."""
    with store.client(partition) as client:
        fill(client, ids, partition, room=room)


def begin_earlier(client: redis.Redis, over_ms: int = 120_000) -> None:
    """The history began so long ago: no entry of it is older."""
    client.hset(Keys(0).meta, "epoch", f"{now_ms(client) - over_ms}-0ld0ld0l")


def ids_of_late(client: redis.Redis, count: int, over_ms: int = 60_000) -> Iterator[str]:
    """So many ids, evenly spread over the time that ends now."""
    begin = now_ms(client) - over_ms
    before, seq = -1, 0
    for number in range(count):
        ms = begin + number * over_ms // count
        seq = seq + 1 if ms == before else 0
        before = ms
        yield f"{ms}-{seq}"
