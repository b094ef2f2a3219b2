"""Stands round every handler: refuses cross-origin writes, turns errors into problems, measures.

A wrapper and not a middleware: aiohttp's chain of middlewares costs a tenth of a small answer.
"""

import logging
import time
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from messenger.errors import CrossOrigin, MessengerError, Stopping
from web import problems
from web.answers import complete
from web.appkeys import PLACE, STOP
from web.metrics import Metrics

log = logging.getLogger(__name__)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def guarded(handler: Handler, method: str, path: str, metrics: Metrics) -> Handler:
    """The handler of a route, guarded; its time is counted under the route's pattern."""
    observe = metrics.requests.route(method, path).observe

    async def guard(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            if request.method not in _SAFE:
                refuse_cross_origin(request)
            response = await handler(request)
        except MessengerError as error:
            metrics.refused(error.code)
            response = problems.answer(error, request.path)
        except web.HTTPException as error:
            response = problems.answer_framework(error, request.path)
        except ConnectionError:
            raise
        except Exception:
            # Not the path itself: a room's name is somebody's words.
            log.exception("a handler crashed: %s %s", method, path)
            response = problems.answer_crash(request.path)
        complete(response)
        if request.app[PLACE].is_leaving:
            # The client is answered, and takes its next request elsewhere.
            response.force_close()
        waited_s: float = getattr(response, "waited_s", 0.0)
        observe(response.status, time.perf_counter() - began - waited_s)
        return response

    return guard


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
    if origin is None:
        return
    host = _host_of(origin)
    if not host or host != request.headers.get("Host"):
        raise CrossOrigin("the Origin is not this host")


def refuse_when_stopping(request: web.Request) -> None:
    """Raises Stopping for what would stay open: it would be ended at once."""
    if request.app[STOP].is_set():
        raise Stopping("this process is stopping; connect again in a moment")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
