"""The contract over HTTP: the documents for programs, and the page made of them for people."""

from functools import cache

import jinja2
from aiohttp import web

from web.answers import EVERYWHERE
from web.contract.documents import (
    Document,
    asyncapi_document,
    document,
    openapi_document,
    schema_document,
)
from web.contract.reading import content

# The page needs no script, and asks nothing of anybody.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


async def openapi(request: web.Request) -> web.Response:
    return _answer(request, openapi_document())


async def asyncapi(request: web.Request) -> web.Response:
    return _answer(request, asyncapi_document())


async def schema(request: web.Request) -> web.Response:
    found = schema_document(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return _answer(request, found)


async def page(request: web.Request) -> web.Response:
    return _answer(request, _page(), {"Content-Security-Policy": _POLICY})


def _answer(
    request: web.Request, found: Document, more: dict[str, str] | None = None
) -> web.Response:
    headers = {"Cache-Control": "no-cache", "ETag": found.tag, **EVERYWHERE, **(more or {})}
    if found.tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.content_type
    return web.Response(body=found.body, headers=headers)


@cache
def _page() -> Document:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("web"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    body = environment.get_template("reference.html").render(content())
    return document(body.encode(), "text/html; charset=utf-8")
