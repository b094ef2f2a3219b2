"""The past over HTTP, for operators: lines of JSON, and a last one that says whether they are whole."""

import asyncio
import contextlib

import msgspec
from aiohttp import web

from messenger import lines, pace
from messenger import span as spans
from messenger.entries import Entry
from messenger.errors import BadRequest, MessengerError
from messenger.loops import Stopped, unless
from messenger.replay import Replay
from messenger.span import Span
from web.answers import EVERYWHERE
from web.appkeys import AUDIT, FEED, LOGS, STOP
from web.guard import refuse_when_stopping
from web.tokens import require_operator

_HEADERS = {
    "Content-Type": "application/x-ndjson",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    **EVERYWHERE,
}
# A reader that takes nothing for so long is cut.
_TAKE_S = 30.0
# A slow replay says so often that it still goes on: proxies cut what is silent for a minute.
_WAITING_EVERY_S = 15.0


class ReplayEnded(msgspec.Struct, frozen=True, tag_field="type", tag="replay.ended"):
    """The last line. `position`: up to here all was given; `until`: up to there it was asked for.
    `reason`: whole; restart, this process is about to end; or the code of an error."""

    reason: str
    position: str
    until: str
    entries: int
    expired: int


class ReplayWaiting(msgspec.Struct, frozen=True, tag_field="type", tag="replay.waiting"):
    """Nothing is due yet; `position` is where the replay is."""

    position: str


async def replay(request: web.Request) -> web.StreamResponse:
    require_operator(request)
    refuse_when_stopping(request)
    stop = request.app[STOP]
    span, speed = _asked(request)
    run = Replay(request.app[LOGS], span, speed)
    await run.extent()  # a store that is away is told by a status
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    body = _Body(response, stop)
    telling = asyncio.create_task(_tell_waiting(run, body))
    reason, audit = "broke off", request.app[AUDIT]
    audit.done(request, "replay", f"{span.after}..{span.until}", "begun")
    try:
        reason = await _run(run, body, stop)
        telling.cancel()
        await body.send(_encode(_ended(run, reason)))
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    finally:
        telling.cancel()
        audit.done(request, "replay", f"{span.after}..{span.until}", reason)
    return response


class _Body:
    """The answer's body as a replay's sink. It goes only as fast as the reader takes it: what is on
    the way is a piece of the replay, and what the connection holds."""

    def __init__(self, response: web.StreamResponse, stop: asyncio.Event) -> None:
        self._response = response
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self.silent_since: float | None = self._loop.time()

    async def write(self, entries: list[Entry]) -> int:
        data = lines.encode(entries)
        # Handed over at once; a stop only ends the wait for the reader.
        with contextlib.suppress(Stopped):
            await unless(self._stop, self.send(data))
        return len(data)

    async def send(self, data: bytes) -> None:
        """Raises TimeoutError for a reader that does not take it."""
        self.silent_since = None
        async with asyncio.timeout(_TAKE_S):
            await self._response.write(data)
        self.silent_since = self._loop.time()

    def silent_s(self) -> float:
        """For how long nothing was sent; 0 while something is."""
        return 0.0 if self.silent_since is None else self._loop.time() - self.silent_since


def _asked(request: web.Request) -> tuple[Span, float | None]:
    query, feed = request.query, request.app[FEED]
    since, until = query.get("since", "window"), query.get("until", "now")
    try:
        room = spans.check(since, until, query.get("room"))
        speed = pace.parse(query.get("speed", "max"))
    except ValueError as error:
        raise BadRequest(f"speed: {error}", code="bad-query") from None
    last = max(partition.position for partition in feed.partitions)
    return spans.read(since, until, room, feed.clock.now(), last), speed


async def _run(run: Replay, body: _Body, stop: asyncio.Event) -> str:
    """Runs it; why it ended."""
    try:
        await run.run(body, stop)
    except MessengerError as error:
        return error.code
    return "whole" if run.is_whole else "restart"


async def _tell_waiting(run: Replay, body: _Body) -> None:
    """A reader that has gone or does not read is the replay's own to see."""
    with contextlib.suppress(OSError):
        while True:
            await asyncio.sleep(max(_WAITING_EVERY_S - body.silent_s(), 0.1))
            if body.silent_s() >= _WAITING_EVERY_S:
                await body.send(_encode(ReplayWaiting(str(run.position))))


def _ended(run: Replay, reason: str) -> ReplayEnded:
    tally = run.tally
    return ReplayEnded(reason, str(run.position), str(run.span.until), tally.entries, tally.expired)


def _encode(line: ReplayEnded | ReplayWaiting) -> bytes:
    return msgspec.json.encode(line) + b"\n"
