"""The page: rendered here with the current messages and the cursor in it, then live by SSE. All of
it works with JavaScript off: reading, posting, messages leaving on time."""

import mimetypes
import secrets
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import aiohttp_jinja2
from aiohttp import web

from messenger import durations, messages, wording
from messenger.errors import BadField, MessengerError
from messenger.log import SHORTEST_TTL, Post
from web import problems
from web.appkeys import FEED, METRICS, SETTINGS
from web.body import read_form
from web.listing import newest_held
from web.posting import append
from web.queries import room_of

LOBBY = "lobby"
_SHOWN = 100
_ROOMS = 20
# The last millisecond that Python can write; another program may have used any id.
_LATEST = 253_402_300_799_999
_LIVES = (10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000)


async def lobby(request: web.Request) -> web.Response:
    return await _render(request, LOBBY)


async def room(request: web.Request) -> web.Response:
    return await _render(request, room_of(request))


async def post(request: web.Request) -> web.Response:
    """A post by the form. A refusal shows the page again, with the reason and nothing lost."""
    name = room_of(request)
    form = await read_form(request)
    try:
        await append(request, _asked(name, form))
    except MessengerError as error:
        request.app[METRICS].refused(error.code)
        return await _refusal(request, name, form, error)
    return web.Response(status=303, headers={"Location": f"/r/{quote(name, safe='')}"})


async def static(request: web.Request) -> web.Response:
    found = _static_files().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    body, content_type, tag = found
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers={**headers, "Content-Type": content_type})


def _asked(name: str, form: dict[str, str]) -> Post:
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
    )


async def _refusal(
    request: web.Request, name: str, form: dict[str, str], error: MessengerError
) -> web.Response:
    status, title = problems.status_of(error)
    try:
        response = await _render(request, name, form=form, problem=f"{title}: {error.detail}.")
    except MessengerError:  # not even reading is possible now
        return problems.answer(error, request.path)
    response.set_status(status)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


async def _render(
    request: web.Request, name: str, *, form: dict[str, str] | None = None, problem: str = ""
) -> web.Response:
    feed = request.app[FEED]
    held = await newest_held(request, name, _SHOWN)
    partition, now = feed.of(name), feed.clock.now()
    nonce = secrets.token_urlsafe(12)
    shown = [_shown(each.body, now) for each in held]
    context = {
        "room": name,
        "rooms": [each.room for each in feed.rooms(_ROOMS) if each.room != name],
        "messages": shown,
        "cursor": str(partition.cursor),
        "now": now,
        "window": durations.write(feed.window),
        "lives": _lives(request.app[SETTINGS].window),
        "form": form or {},
        "problem": problem,
        "nonce": nonce,
        "text_length": wording.TEXT_LENGTH,
        "author_length": wording.AUTHOR_LENGTH,
    }
    response = aiohttp_jinja2.render_template("room.html", request, context)
    response.headers.update(_page_headers(nonce))
    return response


def _page_headers(nonce: str) -> dict[str, str]:
    """Nothing from elsewhere, nothing inline but our own style, and no copy kept anywhere: a page
    from a cache could show what is over."""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
        "connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store"}


def _shown(body: bytes, now: int) -> dict[str, Any]:
    message = messages.decode(body)
    posted = datetime.fromtimestamp(min(message.created_at, _LATEST) / 1_000, UTC)
    return {
        "id": message.id,
        "author": message.author,
        "text": message.text,
        "posted": posted.isoformat(timespec="milliseconds"),
        "posted_short": posted.strftime("%H:%M:%S"),
        "expires_at": message.expires_at,
        "left_s": f"{max(0, message.expires_at - now) / 1_000:.3f}",
    }


def _lives(window: int) -> list[str]:
    """The lives to choose from: the window first, then what is shorter."""
    shorter = [life for life in _LIVES if SHORTEST_TTL <= life < window]
    return [durations.write(life) for life in (window, *reversed(shorter))]


@cache
def _static_files() -> dict[str, tuple[bytes, str, str]]:
    """Our files by name: the bytes, the type, the tag. Read once; they change with the program."""
    found = {}
    for path in (files("web") / "static").iterdir():
        body = path.read_bytes()
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if content_type.startswith("text/"):
            content_type += "; charset=utf-8"
        found[path.name] = body, content_type, f'"{blake2b(body, digest_size=12).hexdigest()}"'
    return found
