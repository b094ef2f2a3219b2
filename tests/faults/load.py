"""Who uses the messenger while it is harmed: writers that never give up, and those who erase."""

import asyncio
import itertools
import random
import time
from collections import Counter
from typing import Any

import aiohttp

from messenger.entries import EntryId
from tests.faults.history import History, Write, wall_ms
from tests.faults.site import Site

ROOMS = ("lobby", "kitchen", "ガーデン")
ASK = aiohttp.ClientTimeout(total=6.0, sock_connect=2.0)
AWAY = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)
# A refusal names a whole second; we come back sooner, to be there when it heals.
_AGAIN_S = (0.05, 0.3)


class Writers:
    """Each says one thing after another in a room, under a key of its own, until it is accepted."""

    def __init__(
        self,
        site: Site,
        history: History,
        session: aiohttp.ClientSession,
        *,
        count: int = 4,
        pause_s: float = 0.02,
        padding: int = 0,
        erasures: float = 0.1,
        rooms: int = len(ROOMS),
        name: str = "w",
    ) -> None:
        self._site = site
        self._history = history
        self._session = session
        self._pause_s = pause_s
        self._padding = padding
        self._erasures = erasures
        self._rooms = ROOMS[:rooms]
        self._ended = asyncio.Event()
        self._tasks = [asyncio.create_task(self._write(f"{name}{n}")) for n in range(count)]
        self.accepted = Counter[str]()
        self.accepted_at: list[tuple[float, str]] = []

    async def stop(self) -> None:
        """Lets each come to an end; what was not accepted by then is of unknown fate."""
        self._ended.set()
        await asyncio.gather(*self._tasks)

    async def _write(self, name: str) -> None:
        rng = random.Random(f"{self._site.rng.random()} {name}")
        room = rng.choice(self._rooms)
        for number in itertools.count():
            if self._ended.is_set():
                return
            await self._say(rng, Write(name, room, f"{name}-{number}"))
            await asyncio.sleep(self._pause_s * rng.uniform(0.2, 1.8))

    async def _say(self, rng: random.Random, write: Write) -> None:
        self._history.writes.append(write)
        key = write.text
        write.text += "字" * self._padding
        body: dict[str, Any] = {"text": write.text, "author": write.writer}
        if rng.random() < 0.2:
            body["ttl"] = rng.randint(1_000, 3_000)
        while not self._ended.is_set():
            web = rng.choice(self._site.webs)
            found = await self._post(web.url, write, key, body)
            if found is not None:
                self.accepted[web.name] += 1
                self.accepted_at.append((time.monotonic(), web.name))
                if rng.random() < self._erasures:
                    await self._erase(rng, write, found["erase_token"])
                return
            await asyncio.sleep(rng.uniform(*_AGAIN_S))

    async def _post(
        self, url: str, write: Write, key: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """One try; the answer if it was accepted."""
        began = time.monotonic()
        try:
            async with self._session.post(
                f"{url}/api/rooms/{write.room}/messages",
                json=body,
                headers={"Idempotency-Key": key},
                timeout=ASK,
            ) as response:
                found: dict[str, Any] = await response.json(content_type=None)
                if response.status == 201:
                    self._accept(write, found)
                    return found
                self._note_refusal(response, found, time.monotonic() - began)
        except AWAY:
            self._history.refusals["no answer"] = self._history.refusals.get("no answer", 0) + 1
        return None

    def _accept(self, write: Write, found: dict[str, Any]) -> None:
        write.id = EntryId.parse(found["id"])
        write.expires_at, write.answered_at = found["expires_at"], wall_ms()
        write.answered_text = found["text"]

    def _note_refusal(
        self, response: aiohttp.ClientResponse, found: dict[str, Any], seconds: float
    ) -> None:
        refusals = self._history.refusals
        refusals[found["code"]] = refusals.get(found["code"], 0) + 1
        self._history.slowest_refusal_s = max(self._history.slowest_refusal_s, seconds)
        if response.status != 503 or not response.headers.get("Retry-After", "").isdigit():
            self._history.complaints.append(f"a post was answered {response.status}: {found}")

    async def _erase(self, rng: random.Random, write: Write, token: str) -> None:
        write.may_be_erased = True
        url = rng.choice(self._site.webs).url
        try:
            async with self._session.delete(
                f"{url}/api/rooms/{write.room}/messages/{write.id}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=ASK,
            ) as response:
                write.is_erased = response.status == 204
                write.erased_at = wall_ms()
                if response.status not in (204, 401, 404, 410, 503):
                    words = await response.text()
                    self._history.complaints.append(f"an erasure: {response.status}: {words}")
        except AWAY:
            pass
