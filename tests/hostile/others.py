"""The others: one who posts, at a steady pace, and one who reads what is posted; how long it takes."""

import asyncio
import contextlib
import itertools
import time

import aiohttp

from tests.streams import Stream

ROOM = "lobby"
_POSTS_A_SECOND = 40
_ASK = aiohttp.ClientTimeout(total=10.0, sock_connect=2.0)
_AWAY = (aiohttp.ClientError, TimeoutError, ConnectionError, EOFError)


class Others:
    """Seconds from a post's beginning to its answer, and to its reader's eyes, by when it began."""

    def __init__(self, url: str, session: aiohttp.ClientSession, padding: int) -> None:
        self._url = f"{url}/api/rooms/{ROOM}"
        self._session = session
        self._padding = "字" * padding
        self._sent: dict[str, float] = {}
        self._posting: set[asyncio.Task[None]] = set()
        self.answered: list[tuple[float, float]] = []
        self.seen: list[tuple[float, float]] = []
        # By what a post was not accepted; while a process is restarted that is no harm.
        self.refused: list[tuple[float, str]] = []
        self.gaps = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._write())

    async def _write(self) -> None:
        """At its pace, whether or not the post before has been answered: who waits for a slow answer
        does not see how slow it is (coordinated omission)."""
        began = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(began + number / _POSTS_A_SECOND - time.monotonic())
            task = asyncio.create_task(self._post(str(number)))
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)

    async def _post(self, name: str) -> None:
        at = self._sent[name] = time.monotonic()
        body = {"text": f"{name} {self._padding}"}
        try:
            async with self._session.post(
                f"{self._url}/messages", json=body, timeout=_ASK
            ) as response:
                await response.read()
                if response.status != 201:
                    self.refused.append((at, str(response.status)))
                    return
        except _AWAY as error:
            self.refused.append((at, type(error).__name__))
            return
        self.answered.append((at, time.monotonic() - at))

    async def _read(self) -> None:
        last = ""
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            with contextlib.suppress(*_AWAY):
                async with self._session.get(f"{self._url}/events", headers=headers) as response:
                    stream = Stream(response)
                    while response.status == 200:
                        event = await stream.next(60)
                        last = stream.last_id or last
                        self._note(event.name, event.data)
            await asyncio.sleep(0.1)

    def _note(self, name: str, data: dict[str, str]) -> None:
        self.gaps += name == "gap"
        if name == "message":
            at = self._sent.get(data["text"].partition(" ")[0])
            if at is not None:
                self.seen.append((at, time.monotonic() - at))
