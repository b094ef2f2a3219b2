"""Promise 3: never twice."""

import asyncio
from collections.abc import Callable

import pytest

from messenger.connection import Store
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms, texts
from tests.serving import Messenger


async def test_the_same_key_gives_the_same_message(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A post sent again with its key is the post of before: same id, same times, same token."""
    first = await messenger.post("once", key="k1")
    again = await messenger.post("once", key="k1")
    assert again["expires_in"] <= first["expires_in"]
    assert {**again, "expires_in": 0} == {**first, "expires_in": 0}
    with private_store.client() as client:
        assert texts(client) == ["once"]


async def test_many_at_once_with_one_key_are_one(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """An impatient finger posts once."""
    posts = [messenger.post("tap tap tap", key="finger") for _ in range(30)]
    assert len({posted["id"] for posted in await asyncio.gather(*posts)}) == 1
    with private_store.client() as client:
        assert client.xlen(KEYS.log) == 1


@pytest.mark.parametrize("change", [{"text": "b"}, {"author": "x"}, {"ttl": 5_000}])
async def test_a_key_is_not_used_for_another_message(
    messenger: Messenger, change: dict[str, object]
) -> None:
    """The same key with another content is refused, and says so."""
    await messenger.post("a", key="k")
    refused = await messenger.problem(
        "POST",
        "/api/rooms/lobby/messages",
        json={"text": "a", **change},
        headers={"Idempotency-Key": "k"},
    )
    assert (refused["status"], refused["code"]) == (422, "key-reused")


async def test_a_key_belongs_to_its_room(messenger: Messenger) -> None:
    """Two rooms may use the same key: two messages."""
    here = await messenger.post("a", key="k", room="here")
    there = await messenger.post("a", key="k", room="there")
    assert here["id"] != there["id"]


async def test_the_key_is_known_as_long_as_the_message_lives(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """The key lives for the message's life; a post without one leaves its own for half a minute."""
    await messenger.post("a", key="k", ttl=60_000)
    await messenger.post("b", ttl=60_000)
    with private_store.client() as client:
        lives = sorted(client.pttl(key) for key in client.scan_iter(match="*:sent:*"))
    assert 25_000 < lives[0] <= 30_000
    assert 55_000 < lives[1] <= 60_000


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_lost_reply_does_not_double_a_post(
    private_store: PrivateStore, settings: Callable[..., Settings], key: str | None
) -> None:
    """The store did it, the reply was lost, it was asked again: one message, and its own id."""
    async with Proxy(private_store.socket) as proxy, Store(proxy.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        proxy.lose_replies("cut", 3, after=b"EVALSHA")
        appended = await logs.of("lobby").append(Post("lobby", "me", "once", key=key))
        assert proxy.lost_replies == 3
    with private_store.client() as client:
        ((entry_id, fields),) = client.xrange(KEYS.log)
        assert fields[b"text"] == b"once"
        assert entry_id.decode() == str(appended.id)


async def test_lost_replies_under_load_lose_and_double_nothing(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Many writers at once, replies cut again and again: every accepted post is there once."""
    async with Proxy(private_store.socket) as proxy, Store(proxy.url) as store:
        logs = Logs(store, settings())
        await logs.settle()

        async def write(writer: int) -> list[tuple[str, str]]:
            accepted = []
            for number in range(25):
                text = f"{writer}-{number}"
                appended = await logs.of("lobby").append(Post("lobby", "me", text))
                accepted.append((str(appended.id), text))
                if number % 5 == writer % 5:
                    proxy.lose_replies("cut", 1, after=b"EVALSHA")
            return accepted

        written = await asyncio.gather(*(write(writer) for writer in range(12)))
    assert proxy.lost_replies > 5
    with private_store.client() as client:
        stored = [
            (key.decode(), fields[b"text"].decode()) for key, fields in client.xrange(KEYS.log)
        ]
    assert sorted(stored) == sorted(pair for accepted in written for pair in accepted)


async def test_a_key_lives_as_long_as_its_message_while_the_clock_is_behind(
    private_store: PrivateStore, log: Log
) -> None:
    """After the clock was set back ids are ahead of it: the key is remembered until the message goes."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) + 60_000}-0", "of a later clock")
        post = Post("lobby", "me", "once", ttl=5_000, key="k")
        first = await log.append(post)
        assert first.id.ms > first.now + 50_000
        life_ms = client.pttl(KEYS.sent("lobby", "k"))
        assert life_ms >= first.id.ms + 5_000 - now_ms(client) - 100
