"""Setting a store up, and looking at what was set up."""

from typing import Any

import redis

from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.raw import KEYS, now_ms

MINUTE = 60_000


async def settled(store: Store, settings: Settings) -> Logs:
    logs = Logs(store, settings)
    await logs.settle()
    return logs


def meta(client: redis.Redis) -> dict[str, str]:
    found: dict[Any, Any] = client.hgetall(KEYS.meta)
    return {name.decode(): value.decode(errors="replace") for name, value in found.items()}


def windows(client: redis.Redis) -> tuple[str | None, str | None]:
    """The window in force, and the one that will be."""
    found = meta(client)
    return found.get("window"), found.get("window_next")


def let_the_window_come(client: redis.Redis) -> None:
    """The time at which the next window is in force is over."""
    client.hset(KEYS.meta, "window_at", str(now_ms(client) - 1))


def due(client: redis.Redis) -> dict[str, int]:
    """When each entry with a life of its own goes."""
    found = client.zrange(KEYS.expiring, 0, -1, withscores=True)
    return {entry_id.decode(): int(score) for entry_id, score in found}
