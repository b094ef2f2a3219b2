"""Posting: what is asked, appended, seen by our own feed, answered; by a request or by a socket."""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from messenger import durations, wording
from messenger.errors import BadField
from messenger.fields import Milliseconds
from messenger.log import Appended, Log, Post, rate_policy
from messenger.messages import Message
from messenger.values import Rate
from web.answers import json_answer, path_of
from web.appkeys import FEED, LOGS, METRICS, SETTINGS, VISITORS
from web.body import PostBody, read_post
from web.queries import idempotency_key_of, room_of

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


async def post(request: web.Request) -> web.Response:
    room = room_of(request)
    key = idempotency_key_of(request)
    posted, appended = await publish(request, room, key, await read_post(request))
    return json_answer(
        _encode(posted),
        status=201,
        headers={
            "Location": f"{path_of(room)}/{posted.id}",
            **_rate_fields(request.app[SETTINGS].post_rate, appended),
        },
    )


async def publish(
    request: web.Request, room: str, key: str | None, body: PostBody
) -> tuple[Posted, Appended]:
    """Checks a post and appends it. Raises what Log.append and the checks of words raise."""
    asked = Post(
        room=room,
        author=wording.check_author(body.author),
        text=wording.check_text(body.text),
        ttl=_ttl_of(body),
        key=key,
    )
    log, appended = await append(request, asked)
    return _posted(log, asked, appended), appended


async def append(request: web.Request, asked: Post) -> tuple[Log, Appended]:
    """Appends for the request's visitor, and waits until our own feed has it."""
    log = request.app[LOGS].of(asked.room)
    facts = log.facts or await log.settle()
    visitor = request.app[VISITORS].of(request, facts.secret)
    appended = await log.append(msgspec.structs.replace(asked, visitor=visitor))
    if appended.is_new:
        request.app[METRICS].appended(len(asked.text.encode()) + len(asked.author.encode()))
    await request.app[FEED].of(asked.room).reached(appended.id)
    return log, appended


def _posted(log: Log, asked: Post, appended: Appended) -> Posted:
    expires_at = appended.id.ms + appended.ttl
    return Posted(
        id=str(appended.id),
        room=asked.room,
        author=asked.author,
        text=asked.text,
        created_at=appended.id.ms,
        expires_at=expires_at,
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


def _rate_fields(rate: Rate | None, appended: Appended) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-10: what is left, and when all of it is back."""
    if rate is None or appended.left < 0:
        return {}
    reset_s = -(-appended.reset_ms // 1_000)
    return {
        "RateLimit-Policy": rate_policy(rate),
        "RateLimit": f'"post";r={appended.left};t={reset_s}',
    }
