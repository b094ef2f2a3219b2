"""A proxy on loopback between a process and its store, which does to it what networks do."""

import asyncio
import contextlib
import time
from pathlib import Path
from types import TracebackType


class _Link:
    """One connection through the proxy."""

    def __init__(self, front: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        self.front = front
        self.back = back
        # Its replies are lost from now on: 'cut' ends it at the next one, 'swallow' says nothing.
        self.doom = ""

    def abort(self) -> None:
        for each in (self.front, self.back):
            each.transport.abort()


class Proxy:
    """Hands bytes on, until told otherwise; `heal` ends whatever was told.

    `opened` are the times of all connections that were tried, by time.monotonic: whoever tries in a
    hot loop is seen here.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.opened: list[float] = []
        self.lost_replies = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows_back = asyncio.Event()
        self.heal()
        self._doom, self._word = "", b""

    @property
    def url(self) -> str:
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"redis://{host}:{port}"

    def lose_replies(self, how: str, count: int = 1, after: bytes = b"EVALSHA") -> None:
        """The next commands with that word are done and their replies lost: `cut` ends the connection
        instead, in a `swallow` nothing comes back on it any more."""
        self._doom, self._doomed, self._word = how, count, after

    def delay(self, seconds: float) -> None:
        """Everything takes so much longer, each way."""
        self._delay_s = seconds

    def hold(self) -> None:
        """Nothing goes through, nobody is told: packets are sent again until they arrive."""
        self._flows.clear()

    def mute(self) -> None:
        """Commands arrive and are done; replies wait."""
        self._flows_back.clear()

    def refuse(self) -> None:
        """Nobody is there: connections are reset, and new ones as soon as they are made."""
        self._is_refusing = True
        self.reset()

    def reset(self) -> None:
        for link in list(self._links):
            link.abort()

    def heal(self) -> None:
        self._is_refusing, self._delay_s, self._doomed = False, 0.0, 0
        self._flows.set()
        self._flows_back.set()

    def tries_a_second(self, began: float, ended: float) -> float:
        """How often a connection was tried between two times of time.monotonic."""
        return sum(began <= at <= ended for at in self.opened) / (ended - began)

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.opened.append(time.monotonic())
        try:
            await self._flows.wait()
            if not self._is_refusing:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):  # the store is not there, or the round is over
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store_reader, store_writer = await asyncio.open_unix_connection(self.target)
        link = _Link(writer, store_writer)
        self._links.add(link)
        ways = [
            asyncio.create_task(self._there(link, reader)),
            asyncio.create_task(self._back(link, store_reader)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            link.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _there(self, link: _Link, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._way()
                if self._doomed and self._word in data:
                    self._doomed -= 1
                    link.doom = self._doom
                link.back.write(data)
                await link.back.drain()

    async def _back(self, link: _Link, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._way()
                await self._flows_back.wait()
                if link.doom:
                    self.lost_replies += 1
                    if link.doom == "cut":
                        return
                else:
                    link.front.write(data)
                    await link.front.drain()

    async def _way(self) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        await self._flows.wait()
