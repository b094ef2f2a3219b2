"""Reading server-sent events as a browser does (html.spec.whatwg.org, 9.2.6)."""

import asyncio
import json
from typing import Any, NamedTuple

import aiohttp


class Event(NamedTuple):
    name: str
    id: str
    data: Any


class Stream:
    """One connection's events, in order; `last_id` is what a browser would resume by."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.last_id = ""
        self.retry_ms = 0
        self.heartbeats = 0

    async def next(self, seconds: float = 10.0) -> Event:
        """The next event; EOFError at the stream's clean end."""
        async with asyncio.timeout(seconds):
            return await self._next()

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]

    async def until(self, name: str) -> Event:
        while (event := await self.next()).name != name:
            pass
        return event

    async def messages(self, count: int) -> list[dict[str, Any]]:
        """The next messages, whatever stands between them."""
        return [(await self.until("message")).data for _ in range(count)]

    async def rest(self) -> list[Event]:
        """Everything up to the stream's end."""
        found = []
        try:
            while True:
                found.append(await self.next())
        except EOFError:
            return found

    async def _next(self) -> Event:
        name, data = "message", []
        async for raw in self._response.content:
            line = raw.decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if line.startswith(":"):
                self.heartbeats += 1
            elif field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "retry":
                self.retry_ms = int(value)
            elif field == "data":
                data.append(value)
            elif line == "" and data:
                return Event(name, self.last_id, json.loads("\n".join(data)))
        raise EOFError
