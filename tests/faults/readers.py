"""Who reads while it is harmed: streams and sockets that come back by their last id, and pages."""

import asyncio
import json
import random
from typing import Any

import aiohttp

from messenger.entries import EntryId
from tests.conversations import Conversation
from tests.faults.history import History, Reading, Seen, Served, wall_ms
from tests.faults.load import ASK, AWAY, ROOMS
from tests.faults.site import Site
from tests.streams import Event, Stream

# How often a reader leaves by itself, and for how long: shorter or longer than a short life.
_LEAVES = 1 / 150
_ABSENT_S = (0.05, 0.05, 0.2, 2.5)
_FOREVER = aiohttp.ClientTimeout(total=None, sock_connect=2.0)


class Readers:
    """Two streams and a socket for each room, from its start; and who asks for pages."""

    def __init__(
        self, site: Site, history: History, session: aiohttp.ClientSession, *, stay: bool
    ) -> None:
        self._leaves = 0.0 if stay else _LEAVES
        self._site = site
        self._history = history
        self._session = session
        self._tasks = []
        for room in ROOMS:
            for name, read in (("s1", self._stream), ("s2", self._stream), ("ws", self._socket)):
                reading = Reading(f"{name} in {room}", room)
                history.readings.append(reading)
                self._tasks.append(asyncio.create_task(self._follow(reading, read)))
        self._tasks += [asyncio.create_task(self._ask(n)) for n in range(2)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise ended

    async def _follow(self, reading: Reading, read: Any) -> None:
        """Comes back for ever, to any of the web processes, by the last id."""
        rng = random.Random(f"{self._site.rng.random()} {reading.name}")
        last = beginning = "0-0"
        while True:
            try:
                async for event, last_id in read(rng.choice(self._site.webs).url, reading, last):
                    if last == beginning:
                        reading.began_at = wall_ms() + self._site.clock_ms
                    last = last_id or last
                    self._note(reading, event)
                    if rng.random() < self._leaves:
                        break
            except AWAY:
                pass
            await asyncio.sleep(rng.choice(_ABSENT_S) * rng.uniform(0.5, 1.5))

    async def _stream(self, url: str, reading: Reading, last: str) -> Any:
        async with self._session.get(
            f"{url}/api/rooms/{reading.room}/events",
            headers={"Last-Event-ID": last},
            timeout=_FOREVER,
        ) as response:
            if response.status != 200:
                return
            stream = Stream(response)
            reading.connections += 1
            while True:
                try:
                    event = await stream.next(60)
                except EOFError:
                    return
                # What a heartbeat moves is known when the next event comes, or by the last id.
                yield event, stream.last_id

    async def _socket(self, url: str, reading: Reading, last: str) -> Any:
        path = f"{url}/api/rooms/{reading.room}/socket"
        async with self._session.ws_connect(path, params={"after": last}) as connected:
            talk = Conversation(connected)
            reading.connections += 1
            while True:
                try:
                    event = await talk.next(60)
                except EOFError:
                    return
                yield event, talk.last_id

    def _note(self, reading: Reading, event: Event) -> None:
        data = event.data
        # By the store's clock, which a fault may have set.
        now = wall_ms() + self._site.clock_ms
        if event.name == "message":
            reading.events.append(
                Seen("message", EntryId.parse(data["id"]), data["text"], data["expires_at"], now)
            )
        elif event.name == "erased":
            reading.events.append(Seen("erased", EntryId.parse(data["message"]), at=now))
        elif event.name == "gap":
            after, until = EntryId.parse(data["after"]), EntryId.parse(data["until"])
            reading.events.append(
                Seen("gap", until, at=now, reason=data["reason"], after=after, until=until)
            )

    async def _ask(self, number: int) -> None:
        """Asks for pages in every way there is, and looks at the time of what it gets."""
        rng = random.Random(f"{self._site.rng.random()} pages {number}")
        while True:
            web, room = rng.choice(self._site.webs), rng.choice(ROOMS)
            path, query = self._page(rng, room)
            asked_at = wall_ms() + self._site.clock_ms
            try:
                async with self._session.get(web.url + path, params=query, timeout=ASK) as response:
                    raw = await response.read()
                    if response.status == 200:
                        self._take(f"{web.name} {path} {query}", raw, asked_at)
                    elif response.status not in (404, 410, 503):
                        self._history.complaints.append(f"GET {path} {query}: {response.status}")
            except AWAY:
                pass
            await asyncio.sleep(rng.uniform(0.01, 0.08))

    def _page(self, rng: random.Random, room: str) -> tuple[str, dict[str, str]]:
        path = f"/api/rooms/{room}/messages"
        known = [write for write in self._history.writes[-60:] if write.id and write.room == room]
        if not known:
            return path, {}
        chosen = rng.choice(known).id
        ways: list[tuple[str, dict[str, str]]] = [
            (path, {}),
            (path, {"limit": "100"}),
            (path, {"before": str(chosen), "limit": str(rng.randint(1, 100))}),
            (path, {"after": str(chosen)}),
            (path, {"after": str(chosen), "wait": "200ms"}),
            (f"{path}/{chosen}", {}),
        ]
        return rng.choice(ways)

    def _take(self, path: str, raw: bytes, asked_at: int) -> None:
        found = json.loads(raw)
        # A poll waits: what it shows is judged by when it answered.
        at = found["now"] if "wait" in path else asked_at
        for message in found.get("messages", [found] if "id" in found else []):
            self._history.served.append(
                Served(
                    path,
                    EntryId.parse(message["id"]),
                    message["room"],
                    message["text"],
                    message["expires_at"],
                    at,
                    wall_ms() + self._site.clock_ms,
                )
            )
