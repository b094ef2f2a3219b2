"""SIGHUP to the supervisor of web workers: all are restarted, and nobody is harmed."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from tests.conversations import Conversation
from tests.private_store import PrivateStore
from tests.streams import Event, Stream
from tests.supervised import Supervised, supervised
from tests.waiting import wait_until

_FOREVER = aiohttp.ClientTimeout(total=None)


class _Load:
    """Who posts and reads while it is restarted. `posted` are the ids of what was accepted; `read` what
    each reader was told, over all its connections; whatever else happens is a complaint."""

    def __init__(self, of: Supervised) -> None:
        self.posted: list[str] = []
        self.read: list[list[str]] = []
        self.connections = 0
        self.complaints: list[str] = []
        self._of = of
        self._over = asyncio.Event()
        self._numbers = itertools.count()

    async def write(self) -> None:
        """One client on connections that it keeps. It sends nothing twice: a post that is refused, or
        whose connection is closed, is a complaint."""
        async with aiohttp.ClientSession() as session:
            while not self._over.is_set():
                path = f"{self._of.url}/api/rooms/lobby/messages"
                asked = {"text": f"post {next(self._numbers)}"}
                try:
                    async with session.post(path, json=asked) as response:
                        found = await response.json()
                        if response.status == 201:
                            self.posted.append(found["id"])
                        else:
                            self.complaints.append(f"{response.status} {found}")
                except aiohttp.ClientError as error:
                    self.complaints.append(repr(error))
                await asyncio.sleep(0.005)

    async def listen(self, *, by_socket: bool) -> None:
        """A reader that comes back by its last id, as a browser does, until it is cancelled."""
        last, told = "0-0", list[str]()
        self.read.append(told)
        opened = _socket if by_socket else _stream
        async with aiohttp.ClientSession(timeout=_FOREVER) as session:
            while True:
                try:
                    async with opened(session, self._of.url, last) as source:
                        self.connections += 1
                        while (event := await source.next(30)).name != "farewell":
                            self._note(told, event)
                            last = source.last_id or last
                except (EOFError, aiohttp.ClientResponseError):
                    pass
                await asyncio.sleep(0.05)

    def _note(self, told: list[str], event: Event) -> None:
        if event.name == "message":
            told.append(event.data["id"])
        elif event.name not in ("hello", "present"):
            self.complaints.append(f"a reader was told {event}")

    def end(self) -> None:
        self._over.set()


@asynccontextmanager
async def _stream(session: aiohttp.ClientSession, url: str, last: str) -> AsyncIterator[Stream]:
    path = f"{url}/api/rooms/lobby/events"
    async with session.get(path, headers={"Last-Event-ID": last}) as response:
        response.raise_for_status()
        yield Stream(response)


@asynccontextmanager
async def _socket(
    session: aiohttp.ClientSession, url: str, last: str
) -> AsyncIterator[Conversation]:
    path = f"{url}/api/rooms/lobby/socket"
    async with session.ws_connect(path, params={"after": last}) as connected:
        yield Conversation(connected)


async def _restart(of: Supervised) -> None:
    """SIGHUP, and waits until every worker is another process and serves."""
    before = of.workers()
    of.running.signal(signal.SIGHUP)

    async def are_others() -> bool:
        now = of.workers()
        return now.keys() == before.keys() and not set(now.values()) & set(before.values())

    await wait_until(are_others, "all workers are others", seconds=40)
    count = len(before)
    await wait_until(lambda: _said(of) >= count, "each was restarted", seconds=20)
    await of.all_serve(count)


def _said(of: Supervised) -> int:
    return of.running.errors().count("was restarted")


async def test_a_rolling_restart_harms_nobody(private_store: PrivateStore) -> None:
    """Under load of posts, streams and sockets all workers are restarted: no post is refused or cut
    off, none lost, none doubled; readers resume and are told each message once, in one order."""
    async with supervised(private_store, 2) as two:
        load = _Load(two)
        writers = [asyncio.create_task(load.write()) for _ in range(4)]
        readers = [asyncio.create_task(load.listen(by_socket=n % 3 == 2)) for n in range(9)]
        await wait_until(lambda: len(load.posted) > 50, "there is load")
        await _restart(two)
        at_restart = len(load.posted)
        await wait_until(lambda: len(load.posted) > at_restart + 50, "the load goes on")
        load.end()
        await asyncio.gather(*writers)
        posted = sorted(load.posted, key=_order)
        await wait_until(lambda: all(len(told) >= len(posted) for told in load.read), "all is read")
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        assert load.complaints == []
        assert load.read == [posted] * 9
        assert load.connections > 9
        assert await two.figure("messenger_appends_total") == len(posted)
        assert await two.figure("messenger_web_worker_deaths_total") == 0


def _order(message: str) -> tuple[int, int]:
    ms, _, number = message.partition("-")
    return int(ms), int(number)


async def test_the_old_workers_stay_where_new_ones_can_not_start(
    own_store: Callable[..., PrivateStore],
) -> None:
    """A restart while the store is away comes to nothing, and says so: the workers that were there
    go on when it is back, and the next restart is done."""
    private = own_store()
    async with supervised(private, 2) as two:
        await two.post("before")
        before = two.workers()
        private.kill()
        two.running.signal(signal.SIGHUP)
        await wait_until(
            lambda: "the old ones stay" in two.running.errors(), "it is given up", seconds=20
        )
        assert two.workers() == before
        private.start()
        await two.caught_up()
        assert await two.texts() == ["before"]
        await _restart(two)
        assert await two.texts() == ["before"]


async def test_a_worker_that_is_killed_while_it_is_replaced_is_not_missed(
    private_store: PrivateStore,
) -> None:
    """kill -9 of a worker while its successor is started: the restart goes on, no third one is started,
    and nothing that it had counted before is lost."""
    async with supervised(private_store, 2) as two:
        for number in range(10):
            await two.post(f"{number}")
        assert await two.figure("messenger_appends_total") == 10
        old = two.workers()
        two.running.signal(signal.SIGHUP)
        await wait_until(lambda: two.workers()[1] != old[1], "the successor is started")
        os.kill(old[1], signal.SIGKILL)
        await wait_until(lambda: _said(two) == 2, "both were restarted", seconds=30)
        assert await two.figure("messenger_appends_total") == 10
        assert not set(two.workers().values()) & set(old.values())
