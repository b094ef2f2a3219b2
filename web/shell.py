"""The page's own files: styles, modules, icons, and the two that stand at the root, since a service
worker serves what is below it and browsers look for the manifest with it."""

import mimetypes
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from web.policies import document
from web.tagged import Tagged, answer, tagged

_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}
# For the one document among them, shown when there is no connection, and for the service worker.
_POLICY = document(
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    form="'none'",
)


async def static(request: web.Request) -> web.Response:
    return _answer(request, request.match_info["name"])


async def worker(request: web.Request) -> web.Response:
    return _answer(request, "sw.js")


async def manifest(request: web.Request) -> web.Response:
    return _answer(request, "manifest.webmanifest")


def _answer(request: web.Request, name: str) -> web.Response:
    found = shell().get(name)
    if found is None:
        raise web.HTTPNotFound
    return answer(request, found, _POLICY)


@cache
def shell() -> dict[str, Tagged]:
    """Our files by name. Read once; they change with the program."""
    return {path.name: _file(path.name, path.read_bytes()) for path in _paths()}


def _paths() -> list[Traversable]:
    return sorted((files("web") / "static").iterdir(), key=lambda path: path.name)


def _file(name: str, body: bytes) -> Tagged:
    suffix = name[name.rfind(".") :]
    content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    return tagged(body, content_type)
