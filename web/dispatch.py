"""Finds the route of a request. aiohttp's router looks at every path anew, which is a fifth of a small
answer; a path that has been found is remembered here."""

from collections.abc import Awaitable
from typing import cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

# Paths of a moderate length, so that they take a few hundred kilobytes at most.
_REMEMBERED, _LONGEST = 2_048, 200


class Dispatch:
    """Stands before an application's own handling; `handle` is that."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._known: dict[tuple[str, str], web.UrlMappingMatchInfo] = {}

    def __call__(self, given: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        request = cast("web.Request", given)
        path = request.raw_path
        found = self._known.get((request.method, path))
        if found is None or hdrs.EXPECT in request.headers:
            return self._find(request, path)
        request._match_info = found  # noqa: SLF001  where the application's own handling puts it
        return found.handler(request)

    async def _find(self, request: web.Request, path: str) -> web.StreamResponse:
        response = await self._handle(request)
        found = request._match_info  # noqa: SLF001
        if found is not None and found.http_exception is None and len(path) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                # The oldest: what is asked for all the time is back at once.
                del self._known[next(iter(self._known))]
            self._known[(request.method, path)] = found
        return response
