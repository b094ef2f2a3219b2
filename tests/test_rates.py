"""How fast may be posted: by one visitor, and to one room; each is said, and neither harms the rest."""

from collections.abc import Callable
from typing import Any

import pytest

from messenger.errors import TooFast
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.waiting import wait_until

Run = Callable[..., Any]


def path(room: str = "lobby") -> str:
    return f"/api/rooms/{room}/messages"


def as_visitor(number: int) -> dict[str, str]:
    """The headers of a visitor behind a proxy that is trusted."""
    return {"X-Forwarded-For": f"203.0.113.{number}"}


async def answer(
    messenger: Messenger, visitor: int, room: str = "lobby"
) -> tuple[int, dict[str, str]]:
    async with messenger.session.post(
        messenger.url + path(room), json={"text": "x"}, headers=as_visitor(visitor)
    ) as response:
        return response.status, dict(response.headers)


async def is_taken(messenger: Messenger) -> bool:
    return (await answer(messenger, 1))[0] == 201


async def refused(messenger: Messenger, visitor: int, room: str = "lobby") -> dict[str, Any]:
    return await messenger.problem(
        "POST", path(room), json={"text": "x"}, headers=as_visitor(visitor)
    )


async def test_a_room_that_is_flooded_by_many_is_held_back_alone(run_messenger: Run) -> None:
    """However many visitors post to a room, past its rate 429 says so and when the next may come;
    every other room goes on."""
    messenger = await run_messenger(room_rate="3/30s", trusted_proxies="127.0.0.1")
    for visitor in range(3):
        assert (await answer(messenger, visitor))[0] == 201
    found = await refused(messenger, 4)
    assert (found["status"], found["code"]) == (429, "room-too-fast")
    assert 1 <= int(found["headers"]["Retry-After"]) == found["retry_after"] <= 10
    assert (await answer(messenger, 4, "elsewhere"))[0] == 201
    assert len(await messenger.texts()) == 3


async def test_both_limits_are_told_with_each_post(run_messenger: Run) -> None:
    """What is left of the visitor's rate and of the room's, in one list, the visitor's first."""
    messenger = await run_messenger(
        post_rate="5/30s", room_rate="9/30s", trusted_proxies="127.0.0.1"
    )
    await answer(messenger, 1)
    status, headers = await answer(messenger, 2)
    assert status == 201
    assert headers["RateLimit-Policy"] == '"post";q=5;w=30, "room";q=9;w=30'
    assert headers["RateLimit"] == '"post";r=4;t=6, "room";r=7;t=7'


async def test_a_refusal_tells_of_the_limit_that_was_met(run_messenger: Run) -> None:
    """The 429's fields are those of the one limit: nothing is left of it."""
    messenger = await run_messenger(
        post_rate="1/30s", room_rate="2/30s", trusted_proxies="127.0.0.1"
    )
    await answer(messenger, 1)
    own = await refused(messenger, 1)
    assert own["code"] == "too-fast"
    assert own["headers"]["RateLimit-Policy"] == '"post";q=1;w=30'
    assert own["headers"]["RateLimit"] == '"post";r=0;t=30'
    await answer(messenger, 2)
    room = await refused(messenger, 3)
    assert room["code"] == "room-too-fast"
    assert room["headers"]["RateLimit-Policy"] == '"room";q=2;w=30'
    assert room["headers"]["RateLimit"] == '"room";r=0;t=30'


async def test_a_refused_post_is_charged_to_nobody(run_messenger: Run) -> None:
    """What the room refuses is not taken from the visitor's rate, and the other way round."""
    messenger = await run_messenger(
        post_rate="2/30s", room_rate="2/30s", trusted_proxies="127.0.0.1"
    )
    for _ in range(2):
        assert (await answer(messenger, 1, "full"))[0] == 201
    for _ in range(3):
        assert (await refused(messenger, 2, "full"))["code"] == "room-too-fast"
    _, headers = await answer(messenger, 2, "free")
    assert headers["RateLimit"].startswith('"post";r=1;')
    for _ in range(3):
        assert (await refused(messenger, 1, "free"))["code"] == "too-fast"
    _, headers = await answer(messenger, 2, "free")
    assert '"room";r=0;' in headers["RateLimit"]


async def test_a_post_that_is_sent_again_is_charged_once(run_messenger: Run) -> None:
    """The same key gives the same message, also when the rates are used up."""
    messenger = await run_messenger(post_rate="1/30s", room_rate="1/30s")
    first = await messenger.post("said", key="k")
    assert (await messenger.post("said", key="k"))["id"] == first["id"]


async def test_a_socket_is_refused_by_the_room_s_rate_too(run_messenger: Run) -> None:
    """The answer names the limit and says how long to wait."""
    messenger = await run_messenger(room_rate="1/30s")
    async with messenger.socket() as socket:
        assert (await socket.post("1")).name == "posted"
        answered = await socket.post("2", key="k")
    assert (answered.name, answered.data["code"]) == ("refused", "room-too-fast")
    assert 1 <= answered.data["retry_after"] <= 30


async def test_a_room_s_rate_comes_back(run_messenger: Run) -> None:
    """After the time that was named the room takes a post again."""
    messenger = await run_messenger(room_rate="3/6s")
    for _ in range(3):
        await messenger.post("x")

    found = await messenger.problem("POST", path(), json={"text": "x"})
    assert 1 <= found["retry_after"] <= 2
    await wait_until(lambda: is_taken(messenger), "the room takes posts again")


async def test_where_nothing_is_limited_nothing_is_counted(
    messenger: Messenger, private_store: PrivateStore
) -> None:
    """With the rates off no key is kept of visitors or rooms, and no field is told."""
    _, headers = await answer(messenger, 1)
    assert not {"RateLimit", "RateLimit-Policy"} & headers.keys()
    with private_store.client() as client:
        kinds = {key.split(b":")[2] for key in client.scan_iter()}
    assert not {b"visitor", b"spoken", b"opened"} & kinds


async def test_a_visitor_opens_so_many_rooms(run_messenger: Run) -> None:
    """Past it a room in which nobody has spoken is refused, and says so; in those that live the visitor
    goes on, and another visitor opens its own. What is refused opens nothing."""
    messenger = await run_messenger(new_room_rate="2/30s", trusted_proxies="127.0.0.1")
    status, headers = await answer(messenger, 1, "one")
    assert (status, headers["RateLimit-Policy"]) == (201, '"new-room";q=2;w=30')
    assert headers["RateLimit"] == '"new-room";r=1;t=15'
    assert (await answer(messenger, 1, "two"))[0] == 201
    found = await refused(messenger, 1, "three")
    assert (found["status"], found["code"]) == (429, "too-many-rooms")
    assert 1 <= int(found["headers"]["Retry-After"]) == found["retry_after"] <= 15
    assert found["headers"]["RateLimit"] == '"new-room";r=0;t=30'
    for room in ("one", "two"):
        status, headers = await answer(messenger, 1, room)
        assert status == 201
        assert "RateLimit" not in headers
    assert (await answer(messenger, 2, "three"))[0] == 201
    assert (await answer(messenger, 1, "three"))[0] == 201


@pytest.mark.parametrize("room_rate", ["off", "100/10s"])
async def test_a_room_is_new_when_nobody_has_spoken_for_a_window(
    run_messenger: Run, private_store: PrivateStore, room_rate: str
) -> None:
    """What is known of it lives as long as a message can; the last post counts."""
    messenger = await run_messenger(new_room_rate="9/30s", room_rate=room_rate, window="10s")
    for _ in range(2):
        await messenger.post("x", ttl=1_000)
        with private_store.client() as client:
            (key,) = client.keys("*:spoken:*")
            assert 9_000 < client.pttl(key) <= 10_000
            assert len(client.keys("*:opened:*")) == 1
            client.pexpire(key, 5_000)
    with private_store.client() as client:
        client.delete(key)
    _, headers = await answer(messenger, 1)
    assert '"new-room";r=7;' in headers["RateLimit"]


async def test_a_refused_room_is_charged_to_nothing(run_messenger: Run) -> None:
    """Neither the visitor's posts nor the room's; and a post that is too fast opens no room."""
    messenger = await run_messenger(
        post_rate="3/30s", room_rate="9/30s", new_room_rate="1/30s", trusted_proxies="127.0.0.1"
    )
    assert (await answer(messenger, 1, "one"))[0] == 201
    for _ in range(3):
        assert (await refused(messenger, 1, "two"))["code"] == "too-many-rooms"
    _, headers = await answer(messenger, 1, "one")
    assert headers["RateLimit"].startswith('"post";r=1;')
    await answer(messenger, 1, "one")
    assert (await refused(messenger, 1, "one"))["code"] == "too-fast"
    _, headers = await answer(messenger, 2, "two")
    assert '"room";r=8;' in headers["RateLimit"]
    assert '"new-room";r=0;' in headers["RateLimit"]


async def test_a_post_that_is_sent_again_opens_no_other_room(run_messenger: Run) -> None:
    """The same key gives the same message, also when no room may be opened any more."""
    messenger = await run_messenger(new_room_rate="1/30s")
    first = await messenger.post("said", key="k")
    assert (await messenger.post("said", key="k"))["id"] == first["id"]


@pytest.fixture
async def limited(logs: Logs, settings: Callable[..., Settings]) -> Log:
    return Log(logs.store, 0, settings(post_rate="2/10s", room_rate="10/10s"))


async def test_who_is_nobody_s_visitor_is_not_limited(limited: Log) -> None:
    """The command line posts past both limits: it has the store itself."""
    for _ in range(20):
        appended = await limited.append(Post("lobby", "cli", "x"))
        assert appended.standings == []


async def test_a_clock_that_was_set_back_holds_nobody_off(
    limited: Log, private_store: PrivateStore
) -> None:
    """What is owed by a clock that was an hour ahead is taken for all that one can owe, no more."""
    await limited.append(Post("lobby", "a", "x", visitor="v"))
    with private_store.client() as client:
        for key in (limited.keys.visitor("v"), limited.keys.spoken("lobby")):
            due = float(client.get(key) or 0)
            client.set(key, f"{due + 3_600_000:.3f}", px=60_000)
    with pytest.raises(TooFast) as error:
        await limited.append(Post("lobby", "a", "x", visitor="v"))
    assert error.value.retry_after == 5
