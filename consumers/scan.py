"""A look through the keys of the views, while everything goes on: each that is there all the time is
seen at least once."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

from messenger.connection import Store
from messenger.errors import StoreUnavailable
from messenger.keys import PREFIX
from messenger.loops import patiently
from messenger.pipe import Pipe
from messenger.where import Server

COUNT = 1_000
_PATIENCE_S = 10.0
_PASSES = 5

_PARTITION = re.compile(rb"messenger:\{(\d+)\}:")
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


async def view_keys(
    store: Store, stop: asyncio.Event
) -> AsyncIterator[tuple[list[ViewKey], float]]:
    """Keys of all views of all partitions, as `every_key`."""
    async for keys, done in every_key(store, stop):
        yield [found for key in keys if (found := _read(key))], done


async def every_key(store: Store, stop: asyncio.Event) -> AsyncIterator[tuple[list[bytes], float]]:
    """Keys of the messenger, some at a time, and how much of the store was looked through, from 0 to 1.
    Raises Stopped at the stop, and StoreUnavailable.

    In a cluster each primary is looked through, and again where slots have moved meanwhile: a key may
    have gone from one that was still to come to one that was done."""
    for _ in range(_PASSES):
        primaries = await _primaries(store, stop)
        for number, server in enumerate(primaries):
            async for keys, done in _of_server(store.on(server), stop):
                yield keys, (number + done) / len(primaries)
        if await _primaries(store, stop) == primaries:
            return
    raise StoreUnavailable("slots of the cluster move again and again; try again")


async def _primaries(store: Store, stop: asyncio.Event) -> list[Server]:
    servers = await patiently(stop, "scan", store.servers, for_s=_PATIENCE_S)
    return [each for each in servers if each.is_primary]


async def _of_server(pipe: Pipe, stop: asyncio.Event) -> AsyncIterator[tuple[list[bytes], float]]:
    cursor, seen = b"0", 0
    total = max(await pipe.call("DBSIZE"), 1)
    while True:
        cursor, keys = await patiently(
            stop,
            "scan",
            partial(pipe.call, "SCAN", cursor, "MATCH", PREFIX + "*", "COUNT", COUNT),
            for_s=_PATIENCE_S,
        )
        seen += len(keys)
        yield keys, min(seen / total, 1.0)
        if cursor == b"0":
            return


def partition_of_key(key: bytes) -> int | None:
    """Whose key it is; None for what is none of ours."""
    match = _PARTITION.match(key)
    return int(match[1]) if match else None


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
