"""Reading paths, queries and headers: any bytes give a value or a clear refusal."""

import re

from aiohttp import web

from consumers.view import View
from messenger import wording
from messenger.entries import EntryId
from messenger.errors import BadRequest
from messenger.keys import partition_of
from web.appkeys import VIEWS
from web.lengths import LONGEST

DEFAULT = 50


def room_of(request: web.Request) -> str:
    return wording.check_room(request.match_info["room"])


def view_of(request: web.Request, room: str) -> View:
    views = request.app[VIEWS]
    return views[partition_of(room, len(views))]


def message_of(request: web.Request) -> EntryId:
    """The message id of the path; BadRequest (bad-id) for what can't be one."""
    text = request.match_info["message"]
    try:
        if "-" in text:
            return EntryId.parse(text)
    except ValueError:
        pass
    raise BadRequest("a message's id is such as 1764000000000-0", code="bad-id")


def limit_of(request: web.Request, default: int = DEFAULT) -> int:
    text = request.query.get("limit")
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 1 <= int(text) <= LONGEST:
        raise BadRequest(f"limit is from 1 to {LONGEST}", code="bad-query")
    return int(text)


def number_of(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise BadRequest(f"{name} is a whole number of milliseconds", code="bad-query")
    return int(text)


def id_of_query(request: web.Request, name: str) -> EntryId | None:
    text = request.query.get(name)
    return None if text is None else _cursor(text, name)


def cursor_of(request: web.Request) -> EntryId | None:
    """After which id a stream is asked for."""
    found = cursor_text_of(request)
    return None if found is None else _cursor(found[1], found[0])


def cursor_text_of(request: web.Request) -> tuple[str, str] | None:
    """The cursor that a stream is asked for, with the name of the field or query that it stands in.
    The header wins: it is what a browser has really seen, while the query stays as the page was made.
    Polyfills write it in two more ways."""
    header = request.headers.get("Last-Event-ID")
    if header:
        return "Last-Event-ID", header
    for name in ("after", "last_event_id", "lastEventId"):
        text = request.query.get(name)
        if text is not None:
            return name, text
    return None


def idempotency_key_of(request: web.Request) -> str | None:
    """The key that makes a post safe to send again; None without one."""
    key = request.headers.get("Idempotency-Key")
    return None if key is None else wording.check_key(key)


def bearer_of(request: web.Request) -> bytes | None:
    """The token of the Authorization header, as bytes: it may be anything."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return token.strip().encode("utf-8", "surrogateescape")


def _cursor(text: str, name: str) -> EntryId:
    try:
        return EntryId.parse(text)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}", code="bad-cursor") from None
