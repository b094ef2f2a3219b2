"""The operators' page. The document holds nothing of anybody's: that is asked for with the token."""

import aiohttp_jinja2
from aiohttp import web

from web.policies import document

# Nothing from elsewhere, nothing inline, no frame, and no form that a browser could send by itself.
_HEADERS = {
    **document(
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        form="'none'",
    ),
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


async def page(request: web.Request) -> web.Response:
    response = aiohttp_jinja2.render_template("ops.html", request, {})
    response.headers.update(_HEADERS)
    return response
