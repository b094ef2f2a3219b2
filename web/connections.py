"""Connections that stay open: how many each visitor may have of them, of every kind together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from messenger.errors import TooManyConnections
from web.visitors import Visitors


class Connections:
    """Counts for this process; `most` None is no limit."""

    def __init__(self, most: int | None, visitors: Visitors) -> None:
        self._most = most
        self._visitors = visitors
        self._open: Counter[str] = Counter()

    @contextmanager
    def stay(self, request: web.Request) -> Iterator[None]:
        """Counts the request's connection while it lasts. Raises TooManyConnections before anything is
        sent: a visitor that has as many as are allowed keeps those."""
        site = None if self._most is None else self._visitors.site_of(request)
        if site is None:
            yield
            return
        if self._open[site] >= (self._most or 0):
            raise TooManyConnections(
                f"you have {self._most} streams, sockets and polls open, as many as are allowed; "
                "close one"
            )
        self._open[site] += 1
        try:
            yield
        finally:
            self._open[site] -= 1
            if not self._open[site]:
                del self._open[site]
