"""What is refused before any handler of ours: requests that can't be read or that no route can take, and
connections that there is no room for; in the shape of our other refusals.

aiohttp has no public place for this. It would answer in its own words, and log the bytes that it could
not read with a traceback: somebody's text may be among them.
"""

import logging

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from messenger.errors import MessengerError, Overloaded
from web import problems
from web.answers import complete
from web.appkeys import CAPACITY, METRICS
from web.capacity import Capacity
from web.dispatch import Dispatch
from web.metrics import Metrics
from web.overload import Refused
from web.patience import PatientHandler

log = logging.getLogger(__name__)

# What a body's sender does wrong, as aiohttp tells it to who reads on.
_BROKEN = (HttpProcessingError, web.RequestPayloadError)


class Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        return _Server.like(await super()._make_server(), self.app)


class _Server(web.Server):
    capacity: Capacity
    metrics: Metrics

    @classmethod
    def like(cls, made: web.Server, app: web.Application) -> "_Server":
        """The same server, with our handler, and within the process's capacity."""
        server = cls(
            Dispatch(_answered(made.request_handler)),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
        )
        server._kwargs = made._kwargs  # noqa: SLF001
        server.capacity, server.metrics = app[CAPACITY], app[METRICS]
        server.capacity.connections = server._connections
        return server

    def __call__(self) -> RequestHandler | Refused:  # type: ignore[override]
        if self.capacity.is_full:
            self.metrics.refused(Overloaded.code)
            return Refused()
        return _Handler(self, loop=self._loop, **self._kwargs)


def _answered(handler: Handler) -> Handler:
    """Answers for what never reaches a route: a target that is no path, as in `OPTIONS *`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = problems.answer_framework(error, request.path)
            complete(response)
            return response

    return answer


class _Handler(PatientHandler):
    __slots__ = ()

    def log_exception(self, *args: object, **kw: object) -> None:
        """The rest of a body is read after its refusal, and may break; that is no mistake of ours."""
        error = kw.get("exc_info")
        if isinstance(error, _BROKEN):
            log.debug("a refused body broke off: %s", type(error).__name__)
        else:
            super().log_exception(*args, **kw)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """aiohttp keeps an answer until the connection's next request, and messages in it may be over
        by then."""
        resp, has_left = await super().finish_response(request, resp, start_time)
        if isinstance(resp, web.Response):
            resp.body = None
        return resp, has_left

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What was wrong is not told further: it is told in the bytes that were sent."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun; nothing else can be said")
        if isinstance(exc, MessengerError):
            response = problems.answer(exc, request.path)
        elif status == 400:
            log.debug("a request can't be read: %s", type(exc).__name__)
            response = problems.answer_unread(request.path)
        else:
            log.error("a request ended in %s: %s", status, type(exc).__name__, exc_info=exc)
            response = problems.answer_crash(request.path)
        complete(response)
        response.force_close()
        return response


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Says that a body may come, to who asks before it is sent; anything else can't be expected."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
        return None
    response = problems.answer_framework(web.HTTPExpectationFailed(), request.path)
    complete(response)
    return response
