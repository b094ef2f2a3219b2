"""The shapes of good answers."""

from aiohttp import web
from multidict import CIMultiDict

JSON = "application/json"


def json_answer(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """JSON that no cache keeps without asking: what it says has a time."""
    fields = CIMultiDict({"Content-Type": JSON, "Cache-Control": "no-cache"})
    if headers:
        fields.update(headers)
    return web.Response(body=body, status=status, headers=fields)
