"""Posting: what is asked, appended, seen by our own feed, answered; by a request or by a socket."""

import asyncio
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from messenger import durations, wording
from messenger.errors import BadField, Repartitioning
from messenger.fields import Milliseconds
from messenger.log import Appended, Log, Post
from messenger.loops import Backoff
from messenger.messages import Message
from messenger.pipe import PATIENCE_S
from web.answers import direct_json, path_of
from web.appkeys import FEED, LOGS, METRICS, VISITORS
from web.body import PostBody, read_post
from web.direct import head_of
from web.queries import idempotency_key_of, room_of
from web.ratelimits import fields

# How soon it is tried again while the store gets more partitions; then twice as long, up to a cap.
_AGAIN_S, _AGAIN_CAP_S = 0.05, 0.4

_encode = msgspec.json.Encoder().encode


class Posted(Message, frozen=True, kw_only=True):
    """The answer to a post. `erase_token` lets its author erase it; it is shown only here."""

    expires_in: Annotated[Milliseconds, Meta(description="How many milliseconds it has left.")]
    erase_token: Annotated[
        str,
        Meta(
            description="Erases the message: a bearer token for its DELETE.",
            examples=["9b74c9897bac770ffc029102a200c5de"],
        ),
    ]


async def post(request: web.Request) -> web.StreamResponse:
    room = room_of(request)
    key = idempotency_key_of(request)
    posted, appended = await publish(request, room, key, await read_post(request))
    more = b"Location: %b/%b\r\n" % (path_of(room).encode(), posted.id.encode())
    if appended.standings:
        more += head_of(fields(appended.standings))
    return direct_json(_encode(posted), status=201, more=more)


async def publish(
    request: web.Request, room: str, key: str | None, body: PostBody
) -> tuple[Posted, Appended]:
    """Checks a post and appends it. Raises what Log.append and the checks of words raise."""
    asked = Post(
        room,
        wording.check_author(body.author),
        wording.check_text(body.text),
        _ttl_of(body),
        key,
        await visitor_of(request, room),
    )
    log, appended = await append(request, asked)
    return _posted(log, asked, appended), appended


async def visitor_of(request: web.Request, room: str) -> str:
    """Whose rate a post to the room is counted under."""
    log = request.app[LOGS].of(room)
    facts = log.facts or await log.settle()
    return request.app[VISITORS].of(request, facts.secret)


async def append(request: web.Request, asked: Post) -> tuple[Log, Appended]:
    """Appends, and waits until our own feed has it: a person who posts and reloads sees it."""
    app = request.app
    log = app[LOGS].of(asked.room)
    partition = app[FEED].of(asked.room)
    try:
        appended = await log.append(asked, partition.hold if partition.log is log else None)
    except Repartitioning:
        log, appended = await _append_again(app, asked)
        partition = app[FEED].of(asked.room)
    if appended.is_new:
        app[METRICS].appended(len(asked.text.encode()) + len(asked.author.encode()))
    # Else the store has more partitions by now, and our own feed is a moment behind.
    if partition.log is log:
        await partition.reached(appended.id)
    return log, appended


async def _append_again(app: web.Application, asked: Post) -> tuple[Log, Appended]:
    """The store gets more partitions: nothing was appended, and soon it will be, maybe elsewhere."""
    patient_until = asyncio.get_running_loop().time() + PATIENCE_S
    backoff = Backoff(first_s=_AGAIN_S, cap_s=_AGAIN_CAP_S)
    while True:
        await asyncio.sleep(backoff.next_s())
        log = app[LOGS].of(asked.room)
        try:
            return log, await log.append(asked)
        except Repartitioning:
            if asyncio.get_running_loop().time() > patient_until:
                raise


def _posted(log: Log, asked: Post, appended: Appended) -> Posted:
    ms, seq = appended.id
    expires_at = ms + appended.ttl
    return Posted(
        f"{ms}-{seq}",
        asked.room,
        asked.author,
        asked.text,
        ms,
        expires_at,
        expires_in=max(0, expires_at - appended.now),
        erase_token=log.erase_token(appended.id),
    )


def _ttl_of(body: PostBody) -> int | None:
    if not isinstance(body.ttl, str):
        return body.ttl
    try:
        return durations.parse(body.ttl)
    except ValueError as error:
        raise BadField(f"ttl: {error}", code="invalid-ttl") from None
