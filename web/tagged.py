"""What changes only with the program: files and documents, asked for again with the tag that names their
bytes."""

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple

from aiohttp import web


class Tagged(NamedTuple):
    body: bytes
    tag: str
    content_type: str


def tagged(body: bytes, content_type: str) -> Tagged:
    return Tagged(body, f'"{blake2b(body, digest_size=12).hexdigest()}"', content_type)


def answer(
    request: web.Request, found: Tagged, policy: Mapping[str, str] = MappingProxyType({})
) -> web.Response:
    """All of it, or 304 for who has it; a document for people has a policy."""
    headers = {"Cache-Control": "no-cache", "ETag": found.tag, **policy}
    if found.tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.content_type
    return web.Response(body=found.body, headers=headers)
