"""Every path, in one table."""

from aiohttp import web

from web import events, messages, operations, page, rooms

ROUTES = (
    ("GET", "/", page.lobby),
    ("GET", "/r/{room}", page.room),
    ("POST", "/r/{room}", page.post),
    ("GET", "/static/{name}", page.static),
    ("GET", "/api/rooms", rooms.rooms),
    ("GET", "/api/rooms/{room}/messages", messages.page),
    ("POST", "/api/rooms/{room}/messages", messages.post),
    ("GET", "/api/rooms/{room}/messages/{message}", messages.one),
    ("DELETE", "/api/rooms/{room}/messages/{message}", messages.erase),
    ("GET", "/api/rooms/{room}/events", events.events),
    ("GET", "/health/live", operations.live),
    ("GET", "/health/ready", operations.ready),
    ("GET", "/metrics", operations.metrics),
)


def add(app: web.Application) -> None:
    for method, path, handler in ROUTES:
        app.router.add_route(method, path, handler)
