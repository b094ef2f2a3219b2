"""Rooms over HTTP: which of them live, and how many are in them."""

import asyncio
import time

import msgspec
from aiohttp import web
from msgspec import UNSET

from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.fields import Moment
from web.answers import json_answer
from web.appkeys import FEED, LISTED
from web.feed import RoomFacts
from web.queries import view_of

MOST = 1_000


class RoomList(msgspec.Struct, frozen=True):
    """The rooms with living messages, the last spoken in first; at most a thousand."""

    now: Moment
    rooms: list[RoomFacts]


async def rooms(request: web.Request) -> web.Response:
    """The rooms with living messages, the last spoken in first; at most a thousand."""
    feed, listed = request.app[FEED], request.app[LISTED]
    for partition in feed.partitions:
        partition.require_loaded()
    found = listed.get(asyncio.get_running_loop().time())
    if found is None:
        found = await _list(request)
    return json_answer(b'{"now":%d,"rooms":%b}' % (feed.clock.now(), found))


async def _list(request: web.Request) -> bytes:
    """The list, encoded, and kept for a moment if it is long."""
    began = time.thread_time()
    found = request.app[FEED].rooms(MOST)
    cost_s = time.thread_time() - began
    rooms = msgspec.json.encode(await _complete(request, found))
    request.app[LISTED].keep(rooms, asyncio.get_running_loop().time(), cost_s)
    return rooms


async def _complete(request: web.Request, found: list[RoomFacts]) -> list[RoomFacts]:
    """What memory has let go of is looked up; a room of which nothing is left is taken off the list."""
    if all(each.last_id is not UNSET for each in found):
        return found
    looked_up = await asyncio.gather(*(_look_up(request, each) for each in found))
    known = [each for each in looked_up if each is not None]
    return sorted(known, key=lambda each: each.last_posted_at, reverse=True)


async def _look_up(request: web.Request, facts: RoomFacts) -> RoomFacts | None:
    """A store that is away does not take the list along: then the id is left out."""
    if facts.last_id is not UNSET:
        return facts
    try:
        newest = await view_of(request, facts.room).page(facts.room, None, 1)
    except StoreUnavailable:
        return facts
    if not newest:
        return None
    last = newest[0].id
    return msgspec.structs.replace(facts, last_id=last, last_posted_at=EntryId.parse(last).ms)
