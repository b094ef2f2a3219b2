"""Writing and reading a store past the messenger, as another program would."""

import redis

from messenger.keys import Keys

KEYS = Keys(0)


def now_ms(client: redis.Redis) -> int:
    """The store's time."""
    seconds, micros = client.time()
    return seconds * 1_000 + micros // 1_000


def add_posted(
    client: redis.Redis, entry_id: str, text: str, room: str = "lobby", ttl: int = 900_000
) -> str:
    """An entry with an id of the test's choice: the past is made, not waited for."""
    fields = {
        "type": "message.posted",
        "room": room,
        "author": "raw",
        "text": text,
        "ttl": str(ttl),
    }
    return client.xadd(KEYS.log, fields, id=entry_id).decode()


def texts(client: redis.Redis, room: str = "lobby") -> list[str]:
    """The texts that the log holds, in its order."""
    return [
        fields[b"text"].decode()
        for _, fields in client.xrange(KEYS.log)
        if fields[b"type"] == b"message.posted" and fields[b"room"].decode() == room
    ]


def holders(client: redis.Redis, secret: str) -> list[str]:
    """The keys whose value has the secret in it, as the store keeps it: DUMP shows also what is only
    marked as deleted."""
    client.config_set("rdbcompression", "no")
    return [
        key.decode()
        for key in client.scan_iter()
        if secret.encode() in (client.dump(key) or b"") or secret.encode() in key
    ]


def counts(client: redis.Redis) -> dict[str, int]:
    """The minutes' counts, added up."""
    total: dict[str, int] = {}
    for key in client.scan_iter(match="*:minute:*"):
        for name, value in client.hgetall(key).items():
            total[name.decode()] = total.get(name.decode(), 0) + int(value)
    return total
