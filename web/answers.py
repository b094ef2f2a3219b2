"""The shapes of good answers."""

from functools import lru_cache
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from web.direct import Direct, direct, head_of

JSON = "application/json"

# On every answer. The server's version is nobody's business; nothing of ours is run or framed unless it
# says so itself (web/policies.py), and no other site's page may embed it.
EVERYWHERE = {
    "Server": "messenger",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# For what is nobody's to keep, not even to ask whether it is still so: that would leave it on a disk.
NOT_KEPT = {"Cache-Control": "no-store"}
# Made once: a hot path's headers cost as much as its body.
_JSON_FIELDS = CIMultiDict({"Content-Type": JSON, **NOT_KEPT, **EVERYWHERE})
JSON_HEAD = head_of(_JSON_FIELDS)


def direct_json(*body: bytes, status: int = 200, more: bytes = b"") -> web.StreamResponse:
    """As json_answer, for the hot paths. `body` may come in pieces: they are joined once, with the head;
    `more` is fields as head_of writes them."""
    return direct(status, JSON_HEAD + more, *body)


def json_answer(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(body=body, status=status, headers=json_fields(headers))


def complete(response: web.StreamResponse | Direct) -> None:
    """Adds what stands on every answer where an answer does not say it otherwise; what does not say
    whether it may be kept may not."""
    if isinstance(response, Direct) or "Server" in response.headers:
        return
    for name, value in (*EVERYWHERE.items(), *NOT_KEPT.items()):
        response.headers.setdefault(name, value)


def json_fields(more: dict[str, str] | None = None) -> CIMultiDict[str]:
    """The headers of JSON that no cache keeps: what it says has a time, and a cache's disk has none."""
    fields = _JSON_FIELDS.copy()
    if more:
        fields.update(more)
    return fields


@lru_cache(1_024)
def path_of(room: str) -> str:
    """Where a room's messages are; a name may be of any script."""
    return f"/api/rooms/{quote(room, safe='')}/messages"
