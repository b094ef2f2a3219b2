"""Readers and writers in a room of each partition, while something happens to the store; and what must
be true of them afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from messenger.keys import partition_of
from tests.serving import Messenger
from tests.streams import Event, Stream
from tests.waiting import wait_until

_EVERY_S = 0.02
_AGAIN_S = 0.05


def rooms_of(partitions: int) -> list[str]:
    """One room of each partition, by its number."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        found.setdefault(partition_of(f"room-{number}", partitions), f"room-{number}")
        number += 1
    return [found[partition] for partition in range(partitions)]


class Told(NamedTuple):
    """What a room's people have come to know: texts that were accepted, what its reader was told, how
    often a post was refused for want of a store, and how long the longest post took, in seconds."""

    accepted: list[str]
    events: list[Event]
    refusals: list[int]
    longest_s: list[float]

    def read(self) -> list[str]:
        """The texts that the reader has since the last reset."""
        texts: list[str] = []
        for event in self.events:
            if event.name == "gap" and event.data["reason"] == "reset":
                texts.clear()
            elif event.name == "message":
                texts.append(event.data["text"])
        return texts

    def gaps(self) -> list[str]:
        return [event.data["reason"] for event in self.events if event.name == "gap"]


class Crowd:
    """In each room a reader who never goes, and a writer who posts again, with the same key, what was
    not accepted."""

    def __init__(self, messenger: Messenger, partitions: int) -> None:
        self._messenger = messenger
        self.rooms = rooms_of(partitions)
        self.told = {room: Told([], [], [], []) for room in self.rooms}
        self._stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator["Crowd"]:
        """At the end the writers finish what they have begun, and the readers have it."""
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(self._read(room)) for room in self.rooms]
            writing = [group.create_task(self._write(room)) for room in self.rooms]
            await self.everyone_posts()
            yield self
            await self.everyone_posts()
            self._stop.set()
            await asyncio.gather(*writing)
            await wait_until(lambda: all(map(self._has_last, self.rooms)), "all is read")
            for task in reading:
                task.cancel()

    async def everyone_posts(self, count: int = 5, seconds: float = 30.0) -> None:
        """Until in every room so many more posts were accepted."""
        before = {room: len(self.told[room].accepted) for room in self.rooms}

        def have() -> bool:
            return all(len(self.told[room].accepted) >= before[room] + count for room in self.rooms)

        await wait_until(have, "everyone posts", seconds=seconds)

    async def check(self) -> int:
        """That nothing is doubled, each room has one order, and each reader has just what its room has,
        or was told that it began anew. How many accepted posts the store has no more."""
        lost = 0
        for room, told in self.told.items():
            stored = await self._stored(room)
            assert len(stored) == len(set(stored)), f"doubled in {room}"
            assert told.read() == stored, f"{room} was not told what it has: {told.gaps()}"
            kept = set(stored)
            assert [text for text in told.accepted if text in kept] == stored, "another order"
            missing = [text for text in told.accepted if text not in kept]
            assert not missing or "reset" in told.gaps(), f"a silent gap in {room}: {missing}"
            lost += len(missing)
        return lost

    async def _stored(self, room: str) -> list[str]:
        texts: list[str] = []
        query: dict[str, str] = {"limit": "100"}
        while page := (await self._messenger.page(room, **query))["messages"]:
            texts = [message["text"] for message in page] + texts
            query["before"] = page[0]["id"]
        return texts

    def _has_last(self, room: str) -> bool:
        told = self.told[room]
        return told.read()[-1:] == told.accepted[-1:]

    async def _read(self, room: str) -> None:
        """One stream from the begin to the end: that the store goes is no reason to close it."""
        url = f"{self._messenger.url}/api/rooms/{room}/events"
        async with self._messenger.session.get(url) as response:
            stream = Stream(response)
            while True:
                self.told[room].events.append(await stream.next(60.0))

    async def _write(self, room: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            await self._post(room, f"{room}.{number}")
            await asyncio.sleep(_EVERY_S)

    async def _post(self, room: str, text: str) -> None:
        told, loop = self.told[room], asyncio.get_running_loop()
        url = f"{self._messenger.url}/api/rooms/{room}/messages"
        while True:
            begun = loop.time()
            request = self._messenger.session.post(
                url, json={"text": text}, headers={"Idempotency-Key": text}
            )
            async with request as response:
                told.longest_s.append(loop.time() - begun)
                if response.status == 201:
                    told.accepted.append(text)
                    return
                assert response.status == 503, await response.text()
                told.refusals.append(response.status)
            await asyncio.sleep(_AGAIN_S)
