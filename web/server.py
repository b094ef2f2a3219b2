"""The web process: serves until the stop."""

import asyncio
import gc
import logging
from collections.abc import Callable
from functools import partial

from aiohttp import web

from messenger.log import Logs
from messenger.loops import pause
from web.account import Account
from web.app import Loops, create_app
from web.appkeys import METRICS, PLACE
from web.feed import Feed
from web.regrouping import Regrouping
from web.unread import Runner
from web.workers.alone import Alone
from web.workers.member import Member

log = logging.getLogger(__name__)

# A connection between two requests is closed after this; one that keeps us waiting sooner (patience.py).
_KEEPALIVE_S = 30.0
# Requests in flight at the stop have this long; streams were ended before it.
_SHUTDOWN_S = 3.0
# A refused body's rest is read for so long, that its sender may see the refusal.
_LINGER_S = 2.0
# Who does not take leave by then is cut.
_FAREWELL_S = 1.6
_LOOK_S = 0.005
# After so many new objects; so many such rounds; so many of those. Measured: a sixth of a post's time.
_COLLECT = (20_000, 10, 50)


async def serve(
    logs: Logs,
    stop: asyncio.Event,
    listening: Callable[[str], None],
    join: Callable[[Callable[[], Account]], Alone | Member] = Alone,
) -> None:
    """Serves until the stop; `listening` is told the address once the log has been read. `join` gives
    the process its place among the web workers, if there are others.

    The order of the stop, each for the sake of the next: no new connections, a farewell to every
    stream and socket, then the requests in flight, then the loops that they need.
    """
    loops_stop = asyncio.Event()
    feed = Feed(logs)
    app = create_app(logs, feed, stop)
    place = app[PLACE] = join(partial(app[METRICS].account, feed))
    # A reader that leaves ends its handler at once, and not at the next write.
    runner = Runner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=_KEEPALIVE_S,
        shutdown_timeout=_SHUTDOWN_S,
        lingering_time=_LINGER_S,
        # A body with a Content-Encoding is refused: nothing is unpacked before.
        auto_decompress=False,
    )
    async with asyncio.TaskGroup() as group:
        regrouping = Regrouping(app)
        group.create_task(regrouping.run(loops_stop), name="tails")
        Loops(feed, app[METRICS]).start(group, loops_stop)
        await _loaded(feed, regrouping, stop)
        _collect_seldom()
        await runner.setup()
        try:
            listening(await place.listen(runner, logs.settings))
            group.create_task(place.run(loops_stop), name="place")
            await place.served(runner, stop)
        finally:
            await _stop_listening(runner)
            await _say_farewell(feed)
            await runner.cleanup()
            loops_stop.set()


async def _loaded(feed: Feed, regrouping: Regrouping, stop: asyncio.Event) -> None:
    """A page that is served shows all that lives."""
    while not stop.is_set() and not (feed.is_ready and await regrouping.is_current()):
        await pause(stop, _LOOK_S)


def _collect_seldom() -> None:
    """Looks for cycles less often than Python's default, 700 new objects: those are the requests in
    flight, and nothing of theirs or of a message is a cycle. What has been loaded by now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


async def _stop_listening(runner: web.AppRunner) -> None:
    for site in tuple(runner.sites):
        await site.stop()


async def _say_farewell(feed: Feed) -> None:
    """Ends every stream and waits for the readers to have taken leave: once aiohttp's clean-up has
    begun it reads nothing any more, not even that a socket's other end is done."""
    for subscriber in tuple(feed.subscribers):
        subscriber.end("restart")
    loop = asyncio.get_running_loop()
    until = loop.time() + _FAREWELL_S
    while feed.subscribers and loop.time() < until:  # noqa: ASYNC110  once in a process's life
        await asyncio.sleep(_LOOK_S)
