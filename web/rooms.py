"""Rooms over HTTP: which of them live."""

import msgspec
from aiohttp import web

from web.answers import json_answer
from web.appkeys import FEED

MOST = 1_000


class RoomList(msgspec.Struct, frozen=True):
    """The rooms with living messages, the last spoken in first; at most a thousand."""

    now: int
    rooms: list[dict[str, str | int]]


async def rooms(request: web.Request) -> web.Response:
    feed = request.app[FEED]
    for partition in feed.partitions:
        partition.require_loaded()
    found = RoomList(feed.clock.now(), [facts._asdict() for facts in feed.rooms(MOST)])
    return json_answer(msgspec.json.encode(found))
