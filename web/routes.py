"""Every path, in one table."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from web import (
    events,
    figures,
    firehose,
    letters,
    listing,
    messages,
    operations,
    ops,
    page,
    posting,
    reference,
    replay,
    rooms,
    shell,
    sockets,
)
from web.appkeys import SETTINGS
from web.guard import guarded
from web.metrics import Metrics
from web.unread import expect

Wrap = Callable[[Handler, str, str], Handler]

# There only where an operator's token is set.
OPS = "/ops"

ROUTES = (
    ("GET", "/", page.lobby),
    ("GET", "/r", page.open_room),
    ("GET", "/r/{room}", page.room),
    ("POST", "/r/{room}", page.post),
    ("GET", "/static/{name}", shell.static),
    ("GET", "/sw.js", shell.worker),
    ("GET", "/manifest.webmanifest", shell.manifest),
    ("GET", "/api/rooms", rooms.rooms),
    ("GET", "/api/rooms/{room}/messages", listing.page),
    ("POST", "/api/rooms/{room}/messages", posting.post),
    ("GET", "/api/rooms/{room}/messages/{message}", messages.one),
    ("DELETE", "/api/rooms/{room}/messages/{message}", messages.erase),
    ("GET", "/api/rooms/{room}/events", events.events),
    ("GET", "/api/rooms/{room}/socket", sockets.room_socket),
    ("GET", "/api/events", firehose.events),
    ("GET", "/api/socket", firehose.socket),
    ("GET", "/api/replay", replay.replay),
    ("GET", OPS, ops.page),
    ("GET", "/api/ops/figures", figures.figures),
    ("GET", "/api/ops/groups", figures.groups),
    ("GET", "/api/ops/letters", letters.listed),
    ("DELETE", "/api/ops/letters/{group}", letters.drop_all),
    ("POST", "/api/ops/letters/{group}/requeue", letters.requeue_all),
    ("GET", "/api/ops/letters/{group}/{partition}/{message}", letters.shown),
    ("DELETE", "/api/ops/letters/{group}/{partition}/{message}", letters.drop),
    ("POST", "/api/ops/letters/{group}/{partition}/{message}/requeue", letters.requeue),
    ("GET", "/health/live", operations.live),
    ("GET", "/health/ready", operations.ready),
    ("GET", "/metrics", operations.metrics),
    ("GET", "/docs", reference.page),
    ("GET", "/openapi.json", reference.openapi),
    ("GET", "/asyncapi.json", reference.asyncapi),
    ("GET", "/schemas/{name}", reference.schema),
)

# These have no end of their own, or a long one: asked by HEAD they would do all the work unseen.
_STREAMS = (
    events.events,
    sockets.room_socket,
    firehose.events,
    firehose.socket,
    replay.replay,
)
# What watches over us would be most of what is traced, and a stream's span would last for hours.
_NOT_TRACED = (
    *_STREAMS,
    operations.live,
    operations.ready,
    operations.metrics,
    figures.figures,
    figures.groups,
)


def add(app: web.Application, metrics: Metrics, wrap: Wrap | None = None) -> None:
    """Adds every route; `wrap` is put round the whole of each that is worth tracing."""
    for method, path, handler in ROUTES:
        if path == OPS and app[SETTINGS].admin_token is None:
            continue
        whole = guarded(handler, method, path, metrics)
        if wrap is not None and handler not in _NOT_TRACED:
            whole = wrap(whole, method, path)
        if method == "GET" and handler not in _STREAMS:
            app.router.add_get(path, whole, expect_handler=expect)  # and HEAD
        else:
            app.router.add_route(method, path, whole, expect_handler=expect)
    # What no route takes comes here, so that this refusal too has our shape.
    whole = guarded(unmatched, "any", "other", metrics)
    app.router.add_route("*", "/{path:.*}", whole, expect_handler=expect)


async def unmatched(request: web.Request) -> web.Response:
    """405 with the methods that the path takes, or 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != "/{path}":
            _, methods = await resource.resolve(request)
            allowed |= methods
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))
    raise web.HTTPNotFound
