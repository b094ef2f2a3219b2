"""The page: rendered here with the current messages and the cursor in it, then live by its scripts.
All of it works with JavaScript off: reading, older pages, posting, messages leaving on time, rooms."""

import re
import secrets
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import aiohttp_jinja2
from aiohttp import web

from messenger import durations, wording
from messenger.entries import EntryId
from messenger.errors import BadField, MessengerError
from messenger.log import Post
from web import problems, shown
from web.appkeys import FEED, METRICS, SETTINGS
from web.body import read_form
from web.listing import before_held, newest_held
from web.live import Held
from web.policies import document
from web.posting import append, visitor_of
from web.queries import id_of_query, room_of

LOBBY = "lobby"
_SHOWN = 100
_ROOMS = 50
_ALLOWED = (
    "script-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
)
_HTML = re.compile(r"\btext/html\b", re.IGNORECASE)


async def lobby(request: web.Request) -> web.Response:
    return await _plainly(request, LOBBY)


async def room(request: web.Request) -> web.Response:
    try:
        name = room_of(request)
    except MessengerError as error:
        return _problem(request, error)
    return await _plainly(request, name)


async def open_room(request: web.Request) -> web.Response:
    """Leads to a room by its name, as somebody typed it: spaces become dashes."""
    typed = "-".join(request.query.get("room", "").strip().lstrip("#").split())
    try:
        name = wording.check_room(typed)
    except MessengerError as error:
        response = await _render(request, LOBBY, room_problem=f"{error.detail}.")
        response.set_status(problems.status_of(error)[0])
        return response
    return web.Response(status=303, headers={"Location": _path(name)})


async def post(request: web.Request) -> web.Response:
    """A post by the form. A refusal shows the page again, with the reason and nothing lost; what can't
    be read at all has nothing to show again."""
    try:
        name, form = room_of(request), await read_form(request)
    except MessengerError as error:
        return _problem(request, error)
    try:
        await append(request, _asked(name, form, await visitor_of(request, name)))
    except MessengerError as error:
        request.app[METRICS].refused(error.code)
        return await _refusal(request, name, form, error)
    return web.Response(status=303, headers={"Location": _path(name)})


def _path(name: str) -> str:
    return f"/r/{quote(name, safe='')}"


def _asked(name: str, form: dict[str, str], visitor: str) -> Post:
    """What a form asks. Its nonce and its content are its key: sent twice it is one post, sent again
    with another text it is another."""
    text, author = form.get("text", ""), form.get("author", "")
    try:
        ttl = durations.parse(form["ttl"]) if form.get("ttl") else None
    except ValueError as error:
        raise BadField(f"ttl: {error}", code="invalid-ttl") from None
    content = "\n".join((form.get("nonce", ""), author, str(ttl), text))
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return Post(
        room=name,
        author=wording.check_author(author),
        text=wording.check_text(text),
        ttl=ttl,
        key=f"form-{digest}" if form.get("nonce") else None,
        visitor=visitor,
    )


async def _plainly(request: web.Request, name: str) -> web.Response:
    """The page; where it can't be, a person is told so in a page, and a program in a problem."""
    try:
        return await _render(request, name, before=id_of_query(request, "before"))
    except MessengerError as error:
        return _problem(request, error)


def _problem(request: web.Request, error: MessengerError) -> web.Response:
    if not _HTML.search(request.headers.get("Accept", "")):
        raise error
    request.app[METRICS].refused(error.code)
    status, title = problems.status_of(error)
    context = {"title": title, "detail": error.detail, "status": status}
    response = aiohttp_jinja2.render_template("problem.html", request, context, status=status)
    if status in problems.UNREAD_BODY:
        response.force_close()
    return _with_headers(response, "", error)


async def _refusal(
    request: web.Request, name: str, form: dict[str, str], error: MessengerError
) -> web.Response:
    status, title = problems.status_of(error)
    try:
        response = await _render(request, name, form=form, problem=f"{title}: {error.detail}.")
    except MessengerError:  # not even reading is possible now
        return problems.answer(error, request.path)
    response.set_status(status)
    return _with_headers(response, None, error)


async def _render(
    request: web.Request,
    name: str,
    *,
    before: EntryId | None = None,
    form: dict[str, str] | None = None,
    problem: str = "",
    room_problem: str = "",
) -> web.Response:
    # First: what comes while the view is asked is not on the page.
    cursor = request.app[FEED].of(name).cursor
    held = await _held(request, name, before)
    nonce = secrets.token_urlsafe(12)
    context = {
        **_facts(request, name, held),
        "cursor": str(cursor),
        "before": before,
        "lives": shown.lives(request.app[SETTINGS].window),
        "form": form or {},
        "problem": problem,
        "room_problem": room_problem,
        "nonce": nonce,
        "text_length": wording.TEXT_LENGTH,
        "author_length": wording.AUTHOR_LENGTH,
    }
    response = aiohttp_jinja2.render_template("room.html", request, context)
    return _with_headers(response, nonce)


async def _held(request: web.Request, name: str, before: EntryId | None) -> list[Held]:
    """One more than is shown: it tells whether there are older ones."""
    if before is not None:
        return await before_held(request, name, before, _SHOWN + 1, least=_SHOWN + 1)
    return await newest_held(request, name, _SHOWN + 1)


def _facts(request: web.Request, name: str, held: list[Held]) -> dict[str, Any]:
    """What the template says of the room and of the others."""
    feed = request.app[FEED]
    now = feed.clock.now()
    rooms = [shown.room(each, now) for each in feed.rooms(_ROOMS) if each.room != name]
    living = [each for each in held if each.expires_at > now]
    return {
        "room": name,
        "here": feed.here(name),
        "rooms": rooms,
        "older": living[-_SHOWN].id if len(living) > _SHOWN else None,
        "messages": [shown.message(each, now) for each in living[-_SHOWN:]],
        "now": now,
        "window": shown.left(feed.window),
        "window_ms": feed.window,
        "empties": shown.left(max((each.expires_at for each in living), default=now) - now),
    }


def _with_headers(
    response: web.Response, nonce: str | None, error: MessengerError | None = None
) -> web.Response:
    """Nothing from elsewhere, nothing inline but our own style, and no copy kept anywhere: a page
    from a cache could show what is over."""
    if nonce is not None:
        own_style = f" 'nonce-{nonce}'" if nonce else ""
        response.headers.update(document(*_ALLOWED, f"style-src 'self'{own_style}"))
        response.headers["Cache-Control"] = "no-store"
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
