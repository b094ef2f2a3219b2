"""A web worker's own side: where it listens, what it tells its supervisor, how it leaves."""

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable

from aiohttp import web

from messenger.errors import SupervisorSilent
from messenger.loops import pause
from messenger.settings import Settings
from web.account import Account, Overall
from web.workers.line import Answer, Ask, Cover, Leave, Line, Message, Ready, Tell, Told
from web.workers.listeners import BACKLOG, address_of

log = logging.getLogger(__name__)

TELLS_EVERY_S = 0.5
_ANSWER_S = 1.0
# Whoever comes back on a connection within this is answered, and told to take another for the next;
# a connection that is closed while its client sends loses what is sent.
_LEAVES_S = 2.0
_LOOK_S = 0.02


class Place:
    """Which worker this is: its number, its line, and for each worker the sockets it listens on."""

    def __init__(self, number: int, line: int, listeners: str) -> None:
        self.number = number
        self.line = socket.socket(fileno=line)
        self.listeners = [[int(each) for each in one.split(",")] for one in listeners.split(";")]


class Member:
    def __init__(self, place: Place, stop: asyncio.Event, account: Callable[[], Account]) -> None:
        self.is_leaving = False
        self._place = place
        self._stop = stop
        self._account = account
        self._line = Line(self._take, stop)
        self._asked: dict[int, asyncio.Future[Overall]] = {}
        self._numbers = itertools.count(1)
        self._leave = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._covers: dict[int, list[web.BaseSite]] = {}
        self._covering: set[asyncio.Task[None]] = set()
        self._sites_change = asyncio.Lock()

    async def listen(self, runner: web.AppRunner, settings: Settings) -> str:
        """Takes its share of the connections, and says so; the URL."""
        self._runner = runner
        await self._sites(runner, self._place.number)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self._line, sock=self._place.line)
        self._line.send(Told(self._account()))
        self._line.send(Ready())
        return address_of(runner.addresses[0])

    async def run(self, stop: asyncio.Event) -> None:
        """Tells its account again and again: of one that is killed the last one counts."""
        while not stop.is_set():
            if self._line.is_read:
                self._line.send(Told(self._account()))
            await pause(stop, TELLS_EVERY_S)
        self._line.send(Told(self._account()))
        self._line.close()

    async def served(self, runner: web.AppRunner, stop: asyncio.Event) -> None:
        """Returns when it is time to stop. One that leaves its place to another takes no more
        connections, and first has those that it has answered to their end."""
        await _either(stop, self._leave)
        if stop.is_set():
            return
        self.is_leaving = True
        async with self._sites_change:
            for site in tuple(runner.sites):
                await site.stop()
        loop = asyncio.get_running_loop()
        until = loop.time() + _LEAVES_S
        assert runner.server is not None
        while runner.server.connections and loop.time() < until and not stop.is_set():
            await pause(stop, _LOOK_S)
        stop.set()

    async def overall(self) -> Overall:
        """What all workers have counted; SupervisorSilent where it is not told in time."""
        number = next(self._numbers)
        asked: asyncio.Future[Overall] = asyncio.get_running_loop().create_future()
        self._asked[number] = asked
        self._line.send(Ask(number, self._account()))
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await asked
        except TimeoutError:
            raise SupervisorSilent(
                "the supervisor of the web workers does not say what the others count"
            ) from None
        finally:
            del self._asked[number]

    def _take(self, message: Message) -> None:
        if isinstance(message, Tell):
            self._line.send(Told(self._account(), message.number))
        elif isinstance(message, Answer):
            asked = self._asked.get(message.number)
            if asked is not None and not asked.done():
                asked.set_result(message.overall)
        elif isinstance(message, Leave):
            self._leave.set()
        elif isinstance(message, Cover):
            task = asyncio.ensure_future(self._cover(set(message.numbers)))
            self._covering.add(task)
            task.add_done_callback(self._covering.discard)

    async def _cover(self, numbers: set[int]) -> None:
        """Takes the connections of those workers as well, and no others'."""
        async with self._sites_change:
            if self.is_leaving or self._stop.is_set() or self._runner is None:
                return
            for number in self._covers.keys() - numbers:
                for site in self._covers.pop(number):
                    await site.stop()
            for number in numbers - self._covers.keys():
                self._covers[number] = await self._sites(self._runner, number)

    async def _sites(self, runner: web.AppRunner, number: int) -> list[web.BaseSite]:
        sites: list[web.BaseSite] = []
        for descriptor in self._place.listeners[number - 1]:
            # A copy: the site closes its own at its end, and the supervisor holds the socket open.
            listener = socket.socket(fileno=socket.dup(descriptor))
            listener.setblocking(False)
            site = web.SockSite(runner, listener, backlog=BACKLOG)
            await site.start()
            sites.append(site)
        return sites


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(each.wait()) for each in (one, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
