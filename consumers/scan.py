"""A look through the keys of the views, while everything goes on: each that is there all the time is
seen at least once."""

import re
from collections.abc import AsyncIterator
from typing import NamedTuple

from messenger.connection import Store
from messenger.keys import PREFIX

COUNT = 1_000

_KEY = re.compile(
    rb"messenger:\{(\d+)\}:(?:view:([^:]*):)?(?:(message|room):(.*)|(rooms))", re.DOTALL
)


class ViewKey(NamedTuple):
    """A key of a view: `kind` is message, room or rooms, `name` a message's id or a room's name."""

    key: bytes
    partition: int
    generation: str
    kind: str
    name: bytes


async def view_keys(store: Store) -> AsyncIterator[tuple[list[ViewKey], int]]:
    """Keys of all views of all partitions, some at a time, and how many keys the store has."""
    cursor = b"0"
    while True:
        total = await store.pipe.call("DBSIZE")
        cursor, keys = await store.pipe.call("SCAN", cursor, "MATCH", PREFIX + "*", "COUNT", COUNT)
        yield [found for key in keys if (found := _read(key))], total
        if cursor == b"0":
            return


def _read(key: bytes) -> ViewKey | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    partition, generation, kind, name, rooms = match.groups()
    return ViewKey(
        key,
        int(partition),
        (generation or b"").decode("ascii", "replace"),
        (kind or rooms).decode(),
        name or b"",
    )
