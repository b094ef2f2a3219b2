"""Traces a route: each request is a span, named by the route's pattern and never by what was asked."""

from aiohttp import web
from aiohttp.typedefs import Handler

from messenger import tracing


def traced(handler: Handler, method: str, path: str) -> Handler:
    """The handler of a route, in a span that goes on the caller's trace, if there is one."""
    name = f"{method} {path}"
    attributes = {"http.request.method": method, "http.route": path}

    async def trace(request: web.Request) -> web.StreamResponse:
        parent = request.headers.get("traceparent")
        with tracing.span(name, tracing.SpanKind.SERVER, attributes, parent=parent) as span:
            response = await handler(request)
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= 500:
                tracing.failed(span, str(response.status))
            return response

    return trace
