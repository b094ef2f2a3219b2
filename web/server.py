"""The web process: serves until the stop."""

import asyncio
import gc
import logging
from collections.abc import Callable

from aiohttp import web

from messenger.errors import BadSettings
from messenger.log import Logs
from messenger.loops import pause
from messenger.settings import Settings
from web.app import Loops, create_app
from web.appkeys import METRICS
from web.feed import Feed
from web.unread import Runner

log = logging.getLogger(__name__)

# A connection between two requests is closed after this; one that keeps us waiting sooner (patience.py).
_KEEPALIVE_S = 30.0
# A restart brings everybody back at once: so many may wait to be taken on, where the system lets them.
_BACKLOG = 4_096
# Requests in flight at the stop have this long; streams were ended before it.
_SHUTDOWN_S = 3.0
# A refused body's rest is read for so long, that its sender may see the refusal.
_LINGER_S = 2.0
# Who does not take leave by then is cut.
_FAREWELL_S = 1.6
_LOOK_S = 0.005
# After so many new objects; so many such rounds; so many of those. Measured: a sixth of a post's time.
_COLLECT = (20_000, 10, 50)


async def serve(logs: Logs, stop: asyncio.Event, listening: Callable[[str], None]) -> None:
    """Serves until the stop; `listening` is told the address once the log has been read.

    The order of the stop, each for the sake of the next: no new connections, a farewell to every
    stream and socket, then the requests in flight, then the loops that they need.
    """
    loops_stop = asyncio.Event()
    feed = Feed(logs)
    app = create_app(logs, feed, stop)
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
        Loops(feed, app[METRICS]).start(group, loops_stop)
        await _loaded(feed, stop)
        _collect_seldom()
        await runner.setup()
        try:
            listening(await _listen(runner, logs.settings))
            await stop.wait()
        finally:
            await _stop_listening(runner)
            await _say_farewell(feed)
            await runner.cleanup()
            loops_stop.set()


async def _loaded(feed: Feed, stop: asyncio.Event) -> None:
    """A page that is served shows all that lives."""
    while not feed.is_ready and not stop.is_set():
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


async def _listen(runner: web.AppRunner, settings: Settings) -> str:
    """Opens the port; its URL."""
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG).start()
    except OSError as error:
        raise BadSettings(
            f"MESSENGER_HOST and MESSENGER_PORT are {settings.host!r} and {settings.port}: "
            f"{error.strerror or error}; allowed: an address of this machine and a free port"
        ) from None
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
