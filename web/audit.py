"""What operators do, and who tries to be one: a line in the log for each act, without content.

A line says who (the visitor, as the rate knows them: never an address), what, to which id, and what came
of it. A message's text, its author, a room's name and a token are in none.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from aiohttp import web

from messenger.errors import MessengerError

log = logging.getLogger(__name__)

_LONGEST = 200
# A page that is open asks every second: who shows the token is told of once in so long.
_SEEN_S = 900.0
_MOST_SEEN = 1_000
# Whoever guesses at tokens must not fill the log: so many lines, then their number.
_REFUSALS, _REFUSALS_S = 10, 60.0


class Audit:
    """`name` tells a request's visitor; empty while the store has never been reached."""

    def __init__(
        self, name: Callable[[web.Request], str], clock: Callable[[], float] = monotonic
    ) -> None:
        self._name = name
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._began = float("-inf")
        self._refused = 0

    def done(self, request: web.Request, act: str, of: str, result: str) -> None:
        """What an operator did; `of` is an id or a group's name, and `result` what came of it."""
        self._line(logging.INFO, request, act, of, result)

    @contextmanager
    def act(self, request: web.Request, act: str, of: str) -> Iterator[None]:
        """An operator does something: the line says whether it was done, or by which error not."""
        result = "broke off"
        try:
            yield
            result = "done"
        except MessengerError as error:
            result = error.code
            raise
        finally:
            self.done(request, act, of, result)

    def came(self, request: web.Request) -> None:
        """Somebody showed the operator's token."""
        visitor, now = self._name(request), self._clock()
        if now - self._seen.get(visitor, float("-inf")) >= _SEEN_S:
            self._line(logging.INFO, request, "come", "", "done")
        self._seen[visitor] = now
        self._seen.move_to_end(visitor)
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)

    def refused(self, request: web.Request, act: str, result: str) -> None:
        """Somebody showed no token or a wrong one for what takes one."""
        now = self._clock()
        if now - self._began >= _REFUSALS_S:
            if self._refused > _REFUSALS:
                log.warning(
                    "%s more requests were refused an operator's acts", self._refused - _REFUSALS
                )
            self._began, self._refused = now, 0
        self._refused += 1
        if self._refused <= _REFUSALS:
            self._line(logging.WARNING, request, act, "", result)

    def _line(self, level: int, request: web.Request, act: str, of: str, result: str) -> None:
        visitor = self._name(request)
        # From a path it may be any text, and longer than any that is told.
        of = ascii(of[:_LONGEST])[1:-1]
        facts = {"visitor": visitor, "act": act, "of": of, "result": result}
        words = f"{act} {of}".strip()
        log.log(level, "operator %s: %s: %s", visitor, words, result, extra={"audit": facts})
