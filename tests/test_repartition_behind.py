"""A web process that still reads the new logs: what it shows is true, and nothing is half."""

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from messenger.connection import Store
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.repartitioning import ROOMS, repartitioned, room_in
from tests.serving import serving
from tests.streams import Stream
from tests.users import url_as
from tests.waiting import wait_until
from web.feed import Feed
from web.regrouping import Regrouping

Make = Callable[..., Settings]
_TOKEN = "an-operator-s-token-of-32-letters"


async def grow(url: str, settings: Settings, *numbers: int) -> None:
    """With the rights of who runs the command."""
    async with Store(url_as(url, "repartition")) as store:
        for number in numbers:
            await repartitioned(store, settings, number)


async def test_a_web_process_that_is_behind_shows_no_half(
    private_store: PrivateStore,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While it still serves what it remembers, a reader is given no id that is ahead of that, and who
    asks for more than memory has comes again."""

    async def not_yet(_: Regrouping, __: int, stop: asyncio.Event) -> None:
        await stop.wait()

    async with serving(private_store.url, settings()) as behind:
        moved = room_in(1, 2)
        stays = room_in(0, 2)
        first = await behind.post("first", room=moved)
        with monkeypatch.context() as patch:
            patch.setattr(Regrouping, "_take_up", not_yet)
            await grow(private_store.url, settings(), 2)
            async with serving(private_store.url, settings(partitions="2")) as ahead:
                await ahead.post("second", room=moved)
                await ahead.post("third", room=stays)
                await wait_until(lambda: "tail: the store is away" in caplog.text, "it knows")
                page = await behind.page(moved)
                assert [each["text"] for each in page["messages"]] == ["first"]
                assert page["cursor"] == first["id"]
                late = await ahead.page(moved, after=page["cursor"])
                assert [each["text"] for each in late["messages"]] == ["second"]
                older = f"{first['created_at']}-9"
                gone = await behind.problem("GET", f"/api/rooms/{moved}/messages/{older}")
                assert (gone["status"], gone["code"]) == (503, "repartitioning")


async def test_a_post_beside_an_old_feed_is_not_taken_into_it(
    private_store: PrivateStore, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a web process still reads the new logs, a post to one of them is accepted, and moves no
    cursor of the old one; and what it would erase it would go on showing, so that has to wait."""
    whole, is_there, go = Regrouping._is_read, asyncio.Event(), asyncio.Event()

    async def held(regrouping: Regrouping, fresh: Feed, stop: asyncio.Event) -> bool:
        is_there.set()
        await go.wait()
        return await whole(regrouping, fresh, stop)

    moved = room_in(1, 2)
    async with serving(private_store.url, settings()) as messenger:
        first = await messenger.post("first", room=moved)
        monkeypatch.setattr(Regrouping, "_is_read", held)
        await grow(private_store.url, settings(), 2)
        await is_there.wait()
        await messenger.post("second", room=moved)
        assert (await messenger.page(moved))["cursor"] == first["id"]
        path = f"/api/rooms/{moved}/messages/{first['id']}"
        token = {"Authorization": f"Bearer {first['erase_token']}"}
        refused = await messenger.problem("DELETE", path, headers=token)
        assert (refused["status"], refused["code"]) == (503, "repartitioning")
        go.set()

        async def both() -> bool:
            return await messenger.texts(moved) == ["first", "second"]

        await wait_until(both, "both are shown")
        async with messenger.session.delete(messenger.url + path, headers=token) as response:
            assert response.status == 204
        assert await messenger.texts(moved) == ["second"]


async def test_a_connection_whose_stream_was_ended_may_be_used_again(
    private_store: PrivateStore, settings: Make
) -> None:
    """The process goes on: it cuts nobody who has gone on as well."""
    async with serving(private_store.url, settings()) as messenger:
        posted = await messenger.post("hello", room=ROOMS[0])
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            path = f"{messenger.url}/api/rooms/{ROOMS[0]}"
            async with session.get(f"{path}/events") as response:
                stream = Stream(response)
                await stream.until("hello")
                await grow(private_store.url, settings(), 2)
                assert (await stream.until("farewell")).data == {"reason": "restart"}
                assert await stream.rest() == []
            # Longer than the moment after which a connection of a process that ends is cut.
            async with session.get(f"{path}/events", params={"after": posted["id"]}) as response:
                stream = Stream(response)
                await stream.until("hello")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1.5):
                        await stream.rest()
