"""Pages of messages over HTTP: the newest from memory, older ones from there or from the view."""

from aiohttp import web

from messenger import messages
from messenger.entries import START, EntryId
from messenger.errors import BadRequest, StoreUnavailable
from web import polling
from web.answers import direct_json, json_fields, path_of
from web.appkeys import FEED, LONG_ANSWERS
from web.direct import head_of
from web.lengths import LIST_BYTES, SHORT, fitting
from web.live import Held
from web.longanswers import long_json
from web.pieces import joined
from web.queries import DEFAULT, id_of_query, limit_of, room_of, view_of

_END = b"]}"


async def page(request: web.Request) -> web.StreamResponse:
    room = room_of(request)
    if not request.query_string:
        return await _newest(request, room, DEFAULT)
    if "wait" in request.query:
        return await polling.poll(request, room)
    limit = limit_of(request)
    if limit > SHORT and not request.app[LONG_ANSWERS].has_room:
        limit = SHORT  # the older page has the rest
    before, after = id_of_query(request, "before"), id_of_query(request, "after")
    if before is not None and after is not None:
        raise BadRequest("a page is before or after an id, not both", code="bad-query")
    cursor = _cursor(request, room)
    if before is not None:
        held = await before_held(request, room, before, limit, least=min(limit, SHORT))
        return _older(request, room, limit, cursor, _fit(held[::-1], limit)[::-1])
    if after is not None:
        held = await _after_held(request, room, after, limit)
        return _older(request, room, limit, cursor, _fit(held, limit))
    if limit > SHORT:
        return await _long_list(request, room, limit)
    return await _newest(request, room, limit)


async def newest_held(request: web.Request, room: str, limit: int) -> list[Held]:
    """The newest messages, oldest first: from memory, and where that ends too early from the view. A
    store that is away does not take along what memory has."""
    feed = request.app[FEED]
    held = feed.newest(room, limit, feed.clock.now())
    if held.is_whole:
        return held.held
    before = held.held[0].id if held.held else None
    try:
        older = await view_of(request, room).rows_before(room, before, limit - len(held.held))
    except StoreUnavailable:
        return held.held
    return [_held(row) for row in older] + held.held


async def _newest(request: web.Request, room: str, limit: int) -> web.StreamResponse:
    """The newest page, from memory: its messages were joined once and are handed out until they
    change; only the time and the cursor are new."""
    feed = request.app[FEED]
    now, cursor = feed.clock.now(), _cursor(request, room)
    page = feed.newest(room, limit, now)
    if not page.is_whole:
        return _older(request, room, limit, cursor, await newest_held(request, room, limit))
    if page.head is None:
        page.etag = _tag_of(feed.of(room).epoch, page.held)
        page.head = head_of(_newest_fields(room, limit, page.etag, page.older_than))
    if _is_known(request, page.etag):
        fields = _newest_fields(room, limit, page.etag, page.older_than)
        return web.Response(status=304, headers=json_fields(fields))
    return direct_json(_begin(now, cursor), page.body, _END, more=page.head)


async def _long_list(request: web.Request, room: str, limit: int) -> web.StreamResponse:
    """What is remembered, as it is ready, piece by piece."""
    feed = request.app[FEED]
    now = feed.clock.now()
    found = feed.long_list(room, limit, now)
    if found is None:
        return await _newest(request, room, SHORT)
    tag = _tag(feed.of(room).epoch, found.first, found.last, found.count)
    fields = _newest_fields(room, limit, tag, found.first if found.has_older else None)
    if _is_known(request, tag):
        return web.Response(status=304, headers=json_fields(fields))
    begin = _begin(now, _cursor(request, room))
    among = request.app[LONG_ANSWERS]
    return long_json(among, begin, *found.pieces, _END, more=head_of(fields))


def _is_known(request: web.Request, tag: str) -> bool:
    known = request.headers.get("If-None-Match")
    return known is not None and tag in known


def _newest_fields(room: str, limit: int, tag: str, older_than: EntryId | None) -> dict[str, str]:
    fields = {"ETag": tag}
    if older_than is not None:
        fields["Link"] = _link(room, limit, "before", str(older_than), "prev")
    return fields


async def before_held(
    request: web.Request, room: str, before: EntryId, limit: int, *, least: int
) -> list[Held]:
    """A page before an id, oldest first: what memory has of it, or where that is less than `least` so
    many from the view."""
    held = request.app[FEED].before(room, before, limit, least)
    if held is not None:
        return held
    return [_held(row) for row in await view_of(request, room).rows_before(room, before, least)]


async def _after_held(request: web.Request, room: str, after: EntryId, limit: int) -> list[Held]:
    held = request.app[FEED].after(room, after, limit)
    if held is not None:
        return held
    rows = await view_of(request, room).rows_after(room, after, min(limit, SHORT))
    return [_held(row) for row in rows]


def _fit(held: list[Held], limit: int) -> list[Held]:
    """What an answer has room for, from the first on, which it always has. A short page is never cut."""
    return held if limit <= SHORT else held[: max(fitting(held, limit, LIST_BYTES), 1)]


def _held(row: bytes) -> Held:
    """A row is what messages.encode gave: it is handed on as it is."""
    message = messages.decode(row)
    return Held(EntryId.read(message.id.encode()), message.expires_at, row)


def _older(
    request: web.Request, room: str, limit: int, cursor: EntryId, held: list[Held]
) -> web.StreamResponse:
    """Any page but the newest. What it lists was living when it was read, and is judged again."""
    feed = request.app[FEED]
    now = feed.clock.now()
    living = [each for each in held if each.expires_at > now]
    fields = {"ETag": _tag_of(feed.of(room).epoch, living)}
    if living:
        older = _link(room, limit, "before", str(living[0].id), "prev")
        fields["Link"] = older + ", " + _link(room, limit, "after", str(living[-1].id), "next")
    if _is_known(request, fields["ETag"]):
        return web.Response(status=304, headers=json_fields(fields))
    begin, body, more = _begin(now, cursor), joined(living), head_of(fields)
    if len(living) <= SHORT:
        return direct_json(begin, body, _END, more=more)
    return long_json(request.app[LONG_ANSWERS], begin, body, _END, more=more)


def _cursor(request: web.Request, room: str) -> EntryId:
    """After which a stream goes on where a page ends that is read from now on: what comes while the view
    is asked is not on it."""
    return request.app[FEED].of(room).cursor


def _begin(now: int, cursor: EntryId) -> bytes:
    return b'{"now":%d,"cursor":"%d-%d","messages":[' % (now, *cursor)


def _tag_of(epoch: str, held: list[Held]) -> str:
    if not held:
        return _tag(epoch, START, START, 0)
    return _tag(epoch, held[0].id, held[-1].id, len(held))


def _tag(epoch: str, first: EntryId, last: EntryId, count: int) -> str:
    """The same for the same messages: ids only come at the end and only go, so the first, the last and
    the number tell them all. Weak: the time in the body is not compared."""
    return f'W/"{epoch}.{first}.{last}.{count}"'


def _link(room: str, limit: int, direction: str, entry_id: str, relation: str) -> str:
    return f'<{path_of(room)}?limit={limit}&{direction}={entry_id}>; rel="{relation}"'
