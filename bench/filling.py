"""A log filled past the web process, as fast as the store takes it, with entries like append.lua's."""

import time

import redis

from bench.errors import BenchError
from bench.ours import Store
from messenger.events import FORMS, MessagePosted
from messenger.keys import Keys

KEYS = Keys(0)
ROOMS = 50
WINDOW_MS = 86_400_000
_BATCH = 2_000
_PATIENCE_S = 120.0
_LOOK_S = 0.02
_TEXT = "x" * 100


def fill(on: Store, count: int) -> None:
    """Empties the store, and puts so many messages in fifty rooms; none expires meanwhile. The group is
    as a messenger that has just started makes it."""
    with on.client() as client:
        client.flushall()
        # Filling again and again would have the file rewritten in the middle of a measurement.
        client.config_set("auto-aof-rewrite-percentage", 0)
        # A history like settle.lua's; a messenger that comes later finds it and keeps it.
        client.xgroup_create(KEYS.log, "projector", "0", mkstream=True)
        birth = int(time.time() * 1_000) - 1_000
        facts = {"epoch": f"{birth}-bench", "partitions": 1, "window": WINDOW_MS, "removed": 0}
        client.hset(KEYS.meta, mapping=facts)
        append(client, count)


def append(
    client: redis.Redis,
    count: int,
    *,
    room: str | None = None,
    life_ms: int = WINDOW_MS,
    partition: int = 0,
) -> None:
    """So many more messages: in one room, or in fifty."""
    log, names = Keys(partition).log, FORMS[MessagePosted][0]
    for first in range(0, count, _BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number in range(first, min(first + _BATCH, count)):
                where = room or f"room-{number % ROOMS}"
                values = ("message.posted", where, "somebody", _TEXT, str(life_ms))
                pipeline.xadd(log, dict(zip(names, values, strict=True)))
            pipeline.execute()


def wait_projected(client: redis.Redis, partition: int = 0) -> None:
    """Until the view has all that the log has."""
    keys, until = Keys(partition), time.monotonic() + _PATIENCE_S
    while True:
        added = client.xinfo_stream(keys.log)["entries-added"]
        if int(client.hget(keys.meta, "projected") or 0) >= added:
            return
        if time.monotonic() > until:
            raise BenchError("the projector does not come to the log's end")
        time.sleep(_LOOK_S)
