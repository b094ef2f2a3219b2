"""The one middleware: refuses cross-origin writes, turns errors into problems, measures."""

import logging
import time
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from messenger.errors import CrossOrigin, MessengerError
from web import problems
from web.appkeys import METRICS

log = logging.getLogger(__name__)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_EVERYWHERE = {
    "Server": "messenger",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    began = time.perf_counter()
    response = await _respond(request, handler)
    if not response.prepared:
        response.headers.update(_EVERYWHERE)
    request.app[METRICS].observe(request, response.status, time.perf_counter() - began)
    return response


async def _respond(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.method not in _SAFE:
            refuse_cross_origin(request)
        return await handler(request)
    except MessengerError as error:
        request.app[METRICS].refused(error.code)
        return problems.answer(error, request.path)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problems.answer_framework(error, request.path)
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        # The path's room is a name that somebody chose; the route says enough.
        log.exception("a handler crashed: %s %s", request.method, request.match_info.route.name)
        return problems.answer_crash(request.path)


def refuse_cross_origin(request: web.Request) -> None:
    """Raises CrossOrigin for a write that another site's page sends with its reader's browser.

    Browsers say so themselves (Sec-Fetch-Site); older ones send an Origin; programs send neither.
    The rule is that of Go 1.25's CrossOriginProtection.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CrossOrigin(f"a request from another site ({site[:20]}) is not taken")
        return
    origin = request.headers.get("Origin")
    if origin is not None and _host_of(origin) != request.headers.get("Host", ""):
        raise CrossOrigin("the Origin is not this host")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
