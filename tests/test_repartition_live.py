"""More partitions while people post and read: nobody is told a thing twice or not at all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from consumers.repartition import Repartition
from messenger.connection import Store
from messenger.partitions import standing
from messenger.settings import Settings
from tests.damages import verified
from tests.private_cluster import PrivateCluster
from tests.private_store import PrivateStore
from tests.rebuilding import Held
from tests.repartitioning import ROOMS, in_force, repartitioned
from tests.serving import Messenger, serving
from tests.streams import Stream
from tests.users import url_as
from tests.waiting import wait_until

Make = Callable[..., Settings]
_TOKEN = "an-operator-s-token-of-32-letters"


class Crowd:
    """For each room one who posts, each with a key and as long as it takes, and one who reads and comes
    back. `posted` and `read` are ids, `told` what was told beside messages, by name."""

    def __init__(self, messenger: Messenger) -> None:
        self.posted: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.read: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.told: set[str] = set()
        self.refused: set[str] = set()
        self.slowest_s = 0.0
        self._messenger = messenger
        self._is_over = False

    @contextlib.asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """All of them are at it, and have ended when all is read."""
        reading = [asyncio.create_task(self._read(room)) for room in ROOMS]
        writing = [asyncio.create_task(self._write(room)) for room in ROOMS]
        try:
            await self.goes_on()
            yield
            await self.goes_on()
            self._is_over = True
            await asyncio.gather(*writing)
            await wait_until(lambda: self.read == self.posted, "all is read", seconds=20)
        finally:
            for each in (*reading, *writing):
                each.cancel()

    async def goes_on(self) -> None:
        """Some more are posted in every room."""
        before = {room: len(ids) for room, ids in self.posted.items()}
        await wait_until(
            lambda: all(len(self.posted[room]) > before[room] + 5 for room in ROOMS),
            "posts are taken",
            seconds=20,
        )

    async def _write(self, room: str) -> None:
        number = 0
        while not self._is_over:
            number += 1
            self.posted[room].append(await self._post(room, str(number)))
            await asyncio.sleep(0.01)

    async def _post(self, room: str, key: str) -> str:
        path = f"{self._messenger.url}/api/rooms/{room}/messages"
        while True:
            began = asyncio.get_running_loop().time()
            async with self._messenger.session.post(
                path, json={"text": key}, headers={"Idempotency-Key": key}
            ) as response:
                found: dict[str, Any] = await response.json()
                took_s = asyncio.get_running_loop().time() - began
                self.slowest_s = max(self.slowest_s, took_s)
                if response.status == 201:
                    return str(found["id"])
                assert response.status == 503, found
                assert response.headers["Retry-After"] == "1"
                self.refused.add(found["code"])
            await asyncio.sleep(0.1)

    async def _read(self, room: str) -> None:
        """As a browser does: it comes back with the last id that it was given."""
        last = ""
        while True:
            query = {"last_id": last} if last else {"after": "0-0"}
            with contextlib.suppress(aiohttp.ClientPayloadError):
                async with self._messenger.stream(room, **query) as stream:
                    await self._follow(room, stream)
                    last = stream.last_id

    async def _follow(self, room: str, stream: Stream) -> None:
        with contextlib.suppress(EOFError):
            while True:
                event = await stream.next(30)
                if event.name == "message":
                    self.read[room].append(event.data["id"])
                self.told.add(event.name)


async def _grow(url: str, settings: Settings, *numbers: int) -> None:
    """With the rights of who runs the command."""
    async with Store(url_as(url, "repartition")) as store:
        for number in numbers:
            await repartitioned(store, settings, number)


async def _check(url: str, settings: Settings, number: int) -> None:
    async with Store(url) as store:
        assert await standing(store) == number
        logs = await in_force(store, settings)

        async def is_the_log() -> bool:
            return await verified(logs) == []

        await wait_until(is_the_log, "the view is the log")


async def test_nobody_misses_anything(private_store: PrivateStore, settings: Make) -> None:
    """Posts wait for a moment and are accepted once; streams are ended and resume where they were, with
    nothing missing, doubled or out of order, and without a gap; the view is the log."""
    async with serving(private_store.url, settings()) as messenger:
        crowd = Crowd(messenger)
        async with crowd.busy():
            for number in (2, 6):
                await _grow(private_store.url, settings(), number)
                await crowd.goes_on()
        assert crowd.told <= {"hello", "message", "presence", "heartbeat", "farewell"}
        assert "farewell" in crowd.told
        assert crowd.slowest_s < 3.0
    await _check(private_store.url, settings(), 6)


async def test_nobody_misses_anything_on_a_cluster(cluster: PrivateCluster, settings: Make) -> None:
    """The same where the partitions are on three servers."""
    async with serving(cluster.url, settings(partitions="3")) as messenger:
        crowd = Crowd(messenger)
        async with crowd.busy():
            await _grow(cluster.url, settings(partitions="3"), 12)
        assert crowd.told <= {"hello", "message", "presence", "heartbeat", "farewell"}
    await _check(cluster.url, settings(partitions="3"), 12)


async def test_a_firehose_goes_on(private_store: PrivateStore, settings: Make) -> None:
    """A cursor of one partition, and of two, is good in four: nothing is told twice or left out."""
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    async with serving(private_store.url, settings(admin_token=_TOKEN)) as messenger:

        async def told(last: str, count: int) -> tuple[list[str], str]:
            path = f"{messenger.url}/api/events"
            more = {"Last-Event-ID": last} if last else {}
            query = {} if last else {"after": "0-0"}
            async with messenger.session.get(
                path, params=query, headers=headers | more
            ) as response:
                assert response.status == 200, await response.text()
                stream = Stream(response)
                found = [each["text"] for each in await stream.messages(count)]
                return sorted(found), stream.last_id

        last, all_told = "", []
        for number in (1, 2, 4):
            if number > 1:
                await _grow(private_store.url, settings(), number)
                await wait_until(lambda: _serves(messenger, number), "it serves them")  # noqa: B023
            texts = sorted(f"{number} {room}" for room in ROOMS)
            for room in ROOMS:
                await messenger.post(f"{number} {room}", room=room)
            found, last = await told(last, len(ROOMS))
            assert found == texts
            all_told += found
        assert len(set(all_told)) == 3 * len(ROOMS)


async def _serves(messenger: Messenger, number: int) -> bool:
    path = f"{messenger.url}/api/events"
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    async with messenger.session.get(path, headers=headers) as response:
        if response.status != 200:
            return False
        return bool((await Stream(response).until("hello")).data["partitions"] == number)


async def test_a_post_that_waits_too_long_may_come_again(
    private_store: PrivateStore, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, and then it is accepted, once."""
    async with (
        Store(private_store.url) as store,
        serving(private_store.url, settings()) as messenger,
    ):
        held = Held(monkeypatch, "_catch_up", Repartition)
        logs = await in_force(store, settings())
        work = asyncio.create_task(Repartition(logs, settings(), 2, asyncio.Event()).run())
        await held.is_there.wait()
        refused = await messenger.problem(
            "POST",
            f"/api/rooms/{ROOMS[0]}/messages",
            json={"text": "hello"},
            headers={"Idempotency-Key": "k"},
        )
        assert (refused["status"], refused["code"]) == (503, "repartitioning")
        assert refused["headers"]["Retry-After"] == "1"
        held.go.set()
        assert await work
        posted = await messenger.post("hello", room=ROOMS[0], key="k")
        assert (await messenger.post("hello", room=ROOMS[0], key="k"))["id"] == posted["id"]
        await wait_until(lambda: messenger.texts(ROOMS[0]), "it is shown")
        assert await messenger.texts(ROOMS[0]) == ["hello"]
