"""Requests that can't be read: what aiohttp's parser refuses, in the shape of our other refusals.

aiohttp has no public place for this. It would answer in its own words, and log the bytes that it could
not read with a traceback: somebody's text may be among them.
"""

import logging

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.web_protocol import RequestHandler

from web import problems
from web.answers import EVERYWHERE
from web.dispatch import Dispatch

log = logging.getLogger(__name__)


class Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        return _Server.like(await super()._make_server())


class _Server(web.Server):
    @classmethod
    def like(cls, made: web.Server) -> "_Server":
        """The same server, with our handler."""
        server = cls(
            Dispatch(made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
        )
        server._kwargs = made._kwargs  # noqa: SLF001
        return server

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    __slots__ = ()

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
        if status == 400:
            log.debug("a request can't be read: %s", type(exc).__name__)
            response = problems.answer_unread(request.path)
        else:
            log.error("a request ended in %s: %s", status, type(exc).__name__, exc_info=exc)
            response = problems.answer_crash(request.path)
        response.headers.update(EVERYWHERE)
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
    response.headers.update(EVERYWHERE)
    return response
