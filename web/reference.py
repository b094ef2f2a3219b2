"""The contract over HTTP: the documents for programs, and the page made of them for people."""

from functools import cache

import aiohttp_jinja2
import jinja2
from aiohttp import web

from web.contract.documents import asyncapi_document, openapi_document, schema_document
from web.contract.reading import content
from web.policies import document
from web.tagged import Tagged, answer, tagged

# The page needs no script, and asks nothing of anybody.
_POLICY = document("style-src 'self'", "img-src 'self'", form="'none'")


async def openapi(request: web.Request) -> web.Response:
    return answer(request, openapi_document())


async def asyncapi(request: web.Request) -> web.Response:
    return answer(request, asyncapi_document())


async def schema(request: web.Request) -> web.Response:
    found = schema_document(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return answer(request, found)


async def page(request: web.Request) -> web.Response:
    return answer(request, _page(aiohttp_jinja2.get_env(request.app)), _POLICY)


@cache
def _page(templates: jinja2.Environment) -> Tagged:
    body = templates.get_template("reference.html").render(content())
    return tagged(body.encode(), "text/html; charset=utf-8")
