"""Long polls: what came after an id, as soon as anything has; for who has neither stream nor socket."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
from aiohttp import web

from messenger import durations
from messenger.entries import EntryId
from messenger.errors import BadRequest
from web.answers import json_fields
from web.appkeys import CONNECTIONS, FEED
from web.feed import Feed, Missed
from web.guard import refuse_when_stopping
from web.lengths import SHORT
from web.live import Erased, Held, Live
from web.queries import id_of_query, limit_of
from web.subscriber import Subscriber
from web.telling import tell

_LONGEST_MS = 60_000

_encode = msgspec.json.Encoder().encode


class Polled(web.Response):
    """An answer that waited: how long is no figure of how quick we are."""

    waited_s = 0.0


async def poll(request: web.Request, room: str) -> web.Response:
    """What a stream that resumes after the same id would be told, or nothing when the time is over.
    A stop ends the wait as if it were over, and so nothing is lost."""
    after, wait_ms = _after_of(request), _wait_of(request)
    limit = min(limit_of(request, SHORT), SHORT)
    feed = request.app[FEED]
    await feed.reach(room, after)
    missed = await feed.missed(room, after, limit)
    began = time.perf_counter()
    if wait_ms and not missed.told:
        refuse_when_stopping(request)
        with request.app[CONNECTIONS].stay(request):
            missed = await _wait(feed, room, after, limit, wait_ms / 1_000)
    response = Polled(body=_body(feed.clock.now(), missed), headers=json_fields())
    response.waited_s = time.perf_counter() - began
    return response


class _Bell:
    """A sink that keeps nothing: it tells that something was told."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def write(self, _: bytes) -> None:
        self.rung.set()

    def unread(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


async def _wait(feed: Feed, room: str, after: EntryId, limit: int, wait_s: float) -> Missed:
    """Listens first and looks then, again whenever something was told: nothing comes in between."""
    bell = _Bell()
    subscriber = Subscriber(_no_words, bell)
    feed.listen(room, subscriber)
    subscriber.open()
    try:
        async with asyncio.timeout(wait_s):
            while True:
                bell.rung.clear()
                missed = await feed.missed(room, after, limit)
                if missed.told or subscriber.ended.done():
                    return missed
                await bell.rung.wait()
    except TimeoutError:
        return await feed.missed(room, after, limit)
    finally:
        feed.unsubscribe(room, subscriber)


def _no_words(_: Sequence[Live]) -> bytes:
    return b""


def _after_of(request: web.Request) -> EntryId:
    after = id_of_query(request, "after")
    if after is None or "before" in request.query:
        raise BadRequest(
            "wait goes with after, the cursor of the last answer, and not with before",
            code="bad-query",
        )
    return after


def _wait_of(request: web.Request) -> int:
    try:
        wait_ms = durations.parse(request.query["wait"])
    except ValueError as error:
        raise BadRequest(f"wait: {error}", code="bad-query") from None
    if wait_ms > _LONGEST_MS:
        longest = durations.write(_LONGEST_MS)
        raise BadRequest(f"wait is from 0s to {longest}", code="bad-query")
    return wait_ms


def _body(now: int, missed: Missed) -> bytes:
    held = [event.body for event in missed.events if isinstance(event, Held)]
    erased = [event.message for event in missed.events if isinstance(event, Erased)]
    gap = tell(missed.gap).data if missed.gap else b"null"
    return b'{"now":%d,"cursor":"%d-%d","messages":[%b],"erased":%b,"gap":%b}' % (
        now,
        *missed.cursor,
        b",".join(held),
        _encode(erased),
        gap,
    )
