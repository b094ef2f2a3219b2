"""Messages over HTTP: post, page, one, erase."""

import hmac
from urllib.parse import quote

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from consumers.view import View
from messenger import durations, messages, wording
from messenger.entries import EntryId
from messenger.errors import BadField, BadRequest, Gone, NotAllowed, NotFound
from messenger.keys import partition_of
from messenger.log import Appended, Log, Post, rate_policy
from messenger.messages import Message
from messenger.settings import Rate
from web.answers import json_answer, json_fields
from web.appkeys import FEED, LOGS, METRICS, SETTINGS, VIEWS, VISITORS
from web.body import PostBody, read_post
from web.feed import Feed
from web.live import Held
from web.queries import (
    DEFAULT,
    bearer_of,
    id_of_query,
    idempotency_key_of,
    limit_of,
    message_of,
    room_of,
)
from web.room import Page


class Posted(Message, frozen=True, kw_only=True):
    """The answer to a post. `erase_token` lets its author erase it; it is shown only here."""

    expires_in: int
    erase_token: str


_encode = msgspec.json.Encoder().encode


async def post(request: web.Request) -> web.Response:
    room = room_of(request)
    key = idempotency_key_of(request)
    body = await read_post(request)
    asked = Post(
        room=room,
        author=wording.check_author(body.author),
        text=wording.check_text(body.text),
        ttl=_ttl_of(body),
        key=key,
    )
    log, appended = await append(request, asked)
    answer = _posted(log, asked, appended)
    return json_answer(
        _encode(answer),
        status=201,
        headers={
            "Location": f"{path_of(room)}/{appended.id}",
            **_rate_fields(request.app[SETTINGS].post_rate, appended),
        },
    )


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


async def page(request: web.Request) -> web.Response:
    room = room_of(request)
    if not request.query_string:
        return _newest(request, room, DEFAULT)
    limit = limit_of(request)
    before, after = id_of_query(request, "before"), id_of_query(request, "after")
    if before is not None and after is not None:
        raise BadRequest("a page is before or after an id, not both", code="bad-query")
    if before is None and after is None:
        return _newest(request, room, limit)
    held = await _before_or_after(request, room, before, after, limit)
    return _older(request, room, limit, held)


async def one(request: web.Request) -> web.Response:
    room, message = room_of(request), message_of(request)
    if held := request.app[FEED].get(room, message):
        return json_answer(held.body)
    return json_answer(messages.encode(await _look_up(request, room, message)))


async def erase(request: web.Request) -> web.Response:
    room, message = room_of(request), message_of(request)
    log = request.app[LOGS].of(room)
    by = await _eraser(request, log, message)
    try:
        erased = await log.erase(room, message, by)
    except NotFound:
        await _look_up(request, room, message)  # it may be over, which is another answer
        raise
    await request.app[FEED].of(room).reached(erased)
    return web.Response(status=204)


async def _look_up(request: web.Request, room: str, message: EntryId) -> Message:
    """A message that is not in memory. Raises Gone where its time is over, else NotFound."""
    feed = request.app[FEED]
    if message.ms + feed.window > feed.clock.now():
        found = await view_of(request, room).message(room, message)
        if found.expires_at > feed.clock.now():
            return found
    raise Gone(f"the time of the message {message} is over")


async def _eraser(request: web.Request, log: Log, message: EntryId) -> str:
    """Who may erase: the author by the token of the post, an operator by theirs. The refusal is the
    same for an absent token and a wrong one."""
    token = bearer_of(request)
    if log.facts is None:
        await log.settle()
    if token is not None:
        admin = request.app[SETTINGS].admin_token
        if admin is not None and hmac.compare_digest(token, admin.encode()):
            return "operator"
        if hmac.compare_digest(token, log.erase_token(message).encode()):
            return "author"
    raise NotAllowed("erasing takes the token that came with the post, or an operator's")


def path_of(room: str) -> str:
    """Where a room's messages are; a name may be of any script."""
    return f"/api/rooms/{quote(room, safe='')}/messages"


def view_of(request: web.Request, room: str) -> View:
    views = request.app[VIEWS]
    return views[partition_of(room, len(views))]


def _newest(request: web.Request, room: str, limit: int) -> web.Response:
    """The newest page, from memory: its messages were joined once and are handed out until they
    change; only the time and the cursor are new."""
    feed = request.app[FEED]
    page = feed.newest(room, limit)
    headers = page.headers
    if headers is None:
        headers = page.headers = _newest_headers(room, limit, feed.of(room).epoch, page)
    known = request.headers.get("If-None-Match")
    if known is not None and headers["ETag"] in known:
        return web.Response(status=304, headers=headers)
    return web.Response(body=_page_body(feed, room, page.body), headers=headers)


def _newest_headers(room: str, limit: int, epoch: str, page: Page) -> CIMultiDict[str]:
    headers = json_fields({"ETag": _tag(epoch, page.tag)})
    if page.older_than is not None:
        headers["Link"] = _link(room, limit, "before", str(page.older_than), "prev")
    return headers


async def _before_or_after(
    request: web.Request, room: str, before: EntryId | None, after: EntryId | None, limit: int
) -> list[Held]:
    """A page from memory, or where that does not reach from the view; oldest first."""
    feed, view = request.app[FEED], view_of(request, room)
    if before is not None:
        held = feed.before(room, before, limit)
        found = await view.page(room, before, limit) if held is None else []
    else:
        assert after is not None
        held = feed.after(room, after, limit)
        found = await view.page_after(room, after, limit) if held is None else []
    return [_held(message) for message in found] if held is None else held


def _held(message: Message) -> Held:
    return Held(EntryId.parse(message.id), message.expires_at, messages.encode(message))


def _older(request: web.Request, room: str, limit: int, held: list[Held]) -> web.Response:
    """Any page but the newest. What it lists was living when it was read, and is judged again."""
    feed = request.app[FEED]
    now = feed.clock.now()
    living = [each for each in held if each.expires_at > now]
    links, ids = "", "0"
    if living:
        first, last = living[0].id, living[-1].id
        links = _link(room, limit, "before", str(first), "prev") + ", "
        links += _link(room, limit, "after", str(last), "next")
        ids = f"{first}.{last}.{len(living)}"
    fields = {"ETag": _tag(feed.of(room).epoch, ids), **({"Link": links} if links else {})}
    if fields["ETag"] in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=json_fields(fields))
    body = _page_body(feed, room, b",".join(each.body for each in living))
    return json_answer(body, headers=fields)


def _page_body(feed: Feed, room: str, joined: bytes) -> bytes:
    """A page in chat order. A stream that begins after `cursor` goes on where the page ends."""
    cursor = feed.of(room).cursor
    return b'{"now":%d,"cursor":"%d-%d","messages":[%b]}' % (feed.clock.now(), *cursor, joined)


def _tag(epoch: str, ids: str) -> str:
    """Weak: the time in the body is not compared."""
    return f'W/"{epoch}.{ids}"'


def _link(room: str, limit: int, direction: str, entry_id: str, relation: str) -> str:
    return f'<{path_of(room)}?limit={limit}&{direction}={entry_id}>; rel="{relation}"'


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
