"""The list of rooms: what it says of each is true, also of what memory has let go of."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import web.listed
from messenger.log import Post
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until
from web.listed import Listed
from web.remembered import LEAST


async def listed(messenger: Messenger) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await _answer(messenger))["rooms"]
    return found


async def erase(messenger: Messenger, posted: dict[str, Any]) -> None:
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    headers = {"Authorization": f"Bearer {posted['erase_token']}"}
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204


async def test_rooms_that_live_are_listed(messenger: Messenger) -> None:
    """Rooms with living messages, the last spoken in first, when each will be empty, and who is in
    it."""
    await messenger.post("a", room="first", ttl=60_000)
    await messenger.post("b", room="größe", ttl=40_000)
    last = await messenger.post("c", room="größe", ttl=30_000)
    async with messenger.stream("größe"):
        found = await listed(messenger)
    assert [room["room"] for room in found] == ["größe", "first"]
    assert found[0] | {"expires_at": 0} == {
        "room": "größe",
        "last_posted_at": last["created_at"],
        "last_id": last["id"],
        "expires_at": 0,
        "here": 1,
        "messages": 2,
    }
    assert found[0]["expires_at"] > last["expires_at"]
    assert (found[1]["here"], found[1]["messages"]) == (0, 1)


async def test_a_room_without_a_message_is_not_listed(messenger: Messenger) -> None:
    """Whoever opens a page with a name of their choice puts nothing on everyone's screen."""
    async with messenger.stream("quiet") as stream:
        await stream.next()
        assert await listed(messenger) == []


async def test_a_room_may_be_on_no_list(messenger: Messenger) -> None:
    """Who was not told the name of such a room does not learn of it; who was, reads and writes there."""
    posted = await messenger.post("between us", room="~ours")
    await messenger.post("for all", room="ours")
    assert [room["room"] for room in await listed(messenger)] == ["ours"]
    for path in ("/", "/r/ours"):
        async with messenger.session.get(messenger.url + path) as response:
            assert "~ours" not in await response.text()
    async with messenger.session.get(messenger.url + "/r/~ours") as response:
        assert "between us" in await response.text()
    async with messenger.stream("~ours", after="0-0") as stream:
        assert (await stream.until("message")).id == posted["id"]


async def test_what_was_erased_is_not_the_last(messenger: Messenger) -> None:
    """The newest living message is named; a room with none left goes off the list."""
    first, second = await messenger.post("first"), await messenger.post("second")
    await erase(messenger, second)
    (room,) = await listed(messenger)
    assert (room["last_id"], room["last_posted_at"]) == (first["id"], first["created_at"])
    assert room["messages"] == 1
    await erase(messenger, first)
    assert await listed(messenger) == []


async def test_what_is_over_is_not_counted(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A message that expires is no longer the last, nor one of them."""
    kept = await messenger.post("kept")
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client)}-999", "brief", ttl=700)
        await wait_until(lambda: _has(messenger, 2), "both are there")
        await wait_until(lambda: _has(messenger, 1), "the brief one is over")
    assert (await listed(messenger))[0]["last_id"] == kept["id"]


@pytest.mark.usefixtures("little_memory")
async def test_the_last_of_a_room_is_known_beyond_memory(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """More came and went since than memory holds: the last that lives is looked up, and no number is
    made up. When it is erased, the room is empty and off the list."""
    messenger = await run_messenger()
    last = await messenger.post("lives")
    log = messenger.logs.all[0]
    passing = [Post("lobby", "me", "passes") for _ in range(LEAST + 5)]
    passed = await asyncio.gather(*(log.append(post) for post in passing))
    await asyncio.gather(*(log.erase("lobby", each.id, "operator") for each in passed))
    other = await messenger.post("x", room="other")
    with private_store.client() as client:
        await wait_until(lambda: client.exists(KEYS.message(other["id"])), "all is projected")
    newest, room = await listed(messenger)
    assert newest["room"] == "other"
    assert (room["last_id"], room["last_posted_at"]) == (last["id"], last["created_at"])
    assert "messages" not in room
    await erase(messenger, last)
    assert [each["room"] for each in await listed(messenger)] == ["other"]


@pytest.mark.usefixtures("little_memory")
async def test_a_store_that_is_away_does_not_take_the_list_along(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Messenger]
) -> None:
    """Without it the rooms are still listed; what only the store knows is left out."""
    store = own_store()
    messenger = await run_messenger(on=store)
    await messenger.post("lives")
    log = messenger.logs.all[0]
    passing = [Post("lobby", "me", "passes") for _ in range(LEAST + 5)]
    passed = await asyncio.gather(*(log.append(post) for post in passing))
    await asyncio.gather(*(log.erase("lobby", each.id, "operator") for each in passed))
    posted = await messenger.post("kept", room="kept")
    store.kill()
    kept, lobby = await listed(messenger)
    assert (kept["room"], kept["messages"], kept["last_id"]) == ("kept", 1, posted["id"])
    assert lobby["room"] == "lobby"
    assert not {"last_id", "messages"} & lobby.keys()
    store.start()


def test_a_long_list_is_not_made_for_everyone() -> None:
    """A list that is cheap is made anew for each; a dear one as often as takes a tenth of the
    process, and once a second at the least."""
    listed = Listed()
    listed.keep(b"cheap", 100.0, 0.004)
    assert listed.get(100.0) is None
    listed.keep(b"dear", 100.0, 0.02)
    assert (listed.get(100.19), listed.get(100.21)) == (b"dear", None)
    listed.keep(b"very dear", 200.0, 3.0)
    assert (listed.get(200.9), listed.get(201.1)) == (b"very dear", None)


async def test_a_list_that_is_kept_tells_the_time_of_now(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages set their clocks by it: only the rooms are of a moment ago."""
    monkeypatch.setattr(web.listed, "_CHEAP_S", -1.0)
    monkeypatch.setattr(web.listed, "_LONGEST_S", 60.0)
    monkeypatch.setattr(web.listed, "_SHARE", 1e-12)
    await messenger.post("x")
    first = await _answer(messenger)
    await messenger.post("y", room="new")

    async def is_later() -> bool:
        return (await _answer(messenger))["now"] > first["now"]

    await wait_until(is_later, "time goes on")
    assert (await _answer(messenger))["rooms"] == first["rooms"]


async def _answer(messenger: Messenger) -> dict[str, Any]:
    async with messenger.session.get(messenger.url + "/api/rooms") as response:
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found


async def _has(messenger: Messenger, messages: int) -> bool:
    return [room["messages"] for room in await listed(messenger)] == [messages]
