"""Posting by a WebSocket: the same as POST, in the order in which it was sent."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import web.inbox
import web.sockets
from messenger.entries import EntryId
from messenger.log import Log
from tests.conversations import CLOSE, PING, PONG, TEXT, RawSocket, masked
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.serving import Messenger
from tests.waiting import wait_until

Run = Callable[..., Messenger]
PATH = "/api/rooms/lobby/messages"


async def test_a_post_is_answered_with_all_that_it_is(messenger: Messenger) -> None:
    """The body of POST's 201 and the key; the message itself comes before it, as an event."""
    async with messenger.socket() as socket:
        await socket.next()
        await socket.ask({"post": {"text": " hé\n", "author": "Ann", "ttl": "30s"}, "key": "k1"})
        message, posted = await socket.take(2)
    assert (message.name, posted.name, posted.id) == ("message", "posted", "")
    assert posted.data["key"] == "k1"
    assert {name: posted.data[name] for name in message.data} == message.data
    assert posted.data.keys() == message.data.keys() | {"expires_in", "erase_token", "key"}
    assert (posted.data["text"], posted.data["author"]) == (" hé\n", "Ann")
    assert posted.data["expires_at"] == EntryId.parse(message.id).ms + 30_000
    headers = {"Authorization": f"Bearer {posted.data['erase_token']}"}
    path = f"{messenger.url}{PATH}/{message.id}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204


async def test_the_same_key_is_one_message(messenger: Messenger) -> None:
    """Sent again by the same socket, by another, or by POST: the same message, and one of it."""
    first = await messenger.post("once", key="k")
    async with messenger.socket() as one, messenger.socket() as two:
        answers = [await each.post("once", key="k") for each in (one, one, two)]
        assert {answer.data["id"] for answer in answers} == {first["id"]}
        other = await one.post("another", key="k")
        assert (other.name, other.data["code"], other.data["key"]) == ("refused", "key-reused", "k")
        keyless = await one.post("once")
        assert "key" not in keyless.data
    assert await messenger.texts() == ["once", "once"]


REFUSED: list[dict[str, Any]] = [
    {"text": ""},
    {"text": "x" * 2_001},
    {"text": "a\u202eb"},
    {"text": "x", "author": "x" * 41},
    {"text": "x", "ttl": 0},
    {"text": "x", "ttl": "16m"},
    {"text": "x", "ttl": 1.5},
    {"text": 1},
    {},
    {"text": "x", "colour": "red"},
]


@pytest.mark.parametrize("post", REFUSED, ids=lambda post: str(post)[:40])
async def test_a_refusal_is_that_of_post(messenger: Messenger, post: dict[str, Any]) -> None:
    """The problem has the same code and members as POST's, and names the same field; the socket
    goes on."""
    refused = await messenger.problem("POST", PATH, json=post)
    async with messenger.socket() as socket:
        await socket.ask({"post": post, "key": "k"})
        answer = await socket.answer()
        assert (answer.name, answer.data.pop("key")) == ("refused", "k")
        assert answer.data.pop("instance") == "/api/rooms/lobby/socket"
        expected = {name: refused[name] for name in answer.data}
        assert answer.data == expected | {"detail": answer.data["detail"]}
        assert answer.data["detail"].replace("`post.", "`").replace("`post`", "`$`") in (
            refused["detail"],
            refused["detail"] + " - at `$`",
        )
        assert (await socket.post("goes on")).name == "posted"
    async with messenger.session.get(messenger.url + "/metrics") as response:
        assert f'messenger_refused_total{{reason="{refused["code"]}"}} 2.0' in await response.text()


@pytest.mark.parametrize(
    ("frame", "code", "key"),
    [
        ("[]", "invalid-field", None),
        ("1", "invalid-field", None),
        ("null", "invalid-field", None),
        ("{}", "invalid-field", None),
        ('{"key":"k"}', "invalid-field", "k"),
        ('{"post":"x","key":"k"}', "invalid-field", "k"),
        ('{"post":{"text":"x"},"key":1}', "invalid-field", None),
        ('{"post":{"text":"x"},"key":"k","more":1}', "invalid-field", "k"),
        ('{"erase":"1-1","key":"k"}', "invalid-field", "k"),
        ('{"post":{"text":"x"},"key":""}', "bad-key", ""),
        ('{"post":{"text":"x"},"key":"a b"}', "bad-key", "a b"),
        ('{"post":' + "[" * 4_000, "invalid-field", None),
        ('{"post":' + "[" * 1_900 + "]" * 1_900 + ',"key":"k"}', "invalid-field", None),
        ('{"post":{"text":"x","ttl":' + "9" * 3_900 + "}}", "invalid-ttl", None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_another_shape_is_refused_by_its_key(
    messenger: Messenger, frame: str, code: str, key: str | None
) -> None:
    """Whatever JSON comes, the answer says what is wrong with it, and whose it is if that can be
    read; the socket goes on."""
    async with messenger.socket() as socket:
        await socket.ask(frame)
        answer = await socket.answer()
        assert (answer.name, answer.data["code"], answer.data.get("key")) == ("refused", code, key)
        assert len(answer.data["detail"]) <= 200
        assert (await socket.post("goes on")).name == "posted"
    assert await messenger.texts() == ["goes on"]


async def test_a_visitor_has_one_rate(run_messenger: Run) -> None:
    """What is posted by sockets and by POST counts together; the answer says how long to wait."""
    messenger = await run_messenger(post_rate="4/30s")
    await messenger.post("1")
    async with messenger.socket() as one, messenger.socket() as two:
        assert [(await each.post("x")).name for each in (one, two, one)] == ["posted"] * 3
        refused = await two.post("too fast", key="k")
        assert (refused.data["code"], refused.data["status"]) == ("too-fast", 429)
        assert 1 <= refused.data["retry_after"] <= 8
    await messenger.problem("POST", PATH, json={"text": "x"})


async def test_posts_are_appended_in_the_order_in_which_they_were_sent(
    messenger: Messenger,
) -> None:
    """Many at once, none waited for: the room has them, and the answers come, in that order."""
    async with messenger.socket() as socket:
        for number in range(50):
            await socket.ask({"post": {"text": f"{number}"}, "key": f"{number}"})
        answers = [await socket.answer() for _ in range(50)]
    assert [answer.data["key"] for answer in answers] == [f"{number}" for number in range(50)]
    assert await messenger.texts() == [f"{number}" for number in range(50)]


async def test_what_was_posted_before_the_close_is_taken(messenger: Messenger) -> None:
    """A program that posts and takes leave at once has posted, and is answered before the close."""
    raw = await RawSocket.open(messenger.url)
    await raw.next()
    posts = [f'{{"post":{{"text":"{number}"}}}}'.encode() for number in range(5)]
    raw.send(b"".join(masked(TEXT, post) for post in posts) + masked(CLOSE, b"\x03\xe8"))
    names = []
    while (frame := await raw.next()).kind == TEXT:
        names.append(json.loads(frame.payload)["event"])
    assert (names.count("posted"), frame.code) == (5, 1000)
    raw.close()
    assert await messenger.texts() == [f"{number}" for number in range(5)]


async def test_a_store_that_is_away_is_said_and_pings_are_read_meanwhile(
    run_messenger: Run, own_store: Callable[..., PrivateStore]
) -> None:
    """Posts that wait for their store hold up neither pings nor the close. They are refused with the
    time after which to try again, and with the same key each is one message."""
    private = own_store()
    messenger = await run_messenger(private)
    raw = await RawSocket.open(messenger.url)
    await raw.next()
    async with messenger.socket() as socket:
        await socket.next()
        private.freeze()
        for number in range(3):
            await socket.ask({"post": {"text": f"{number}"}, "key": f"{number}"})
        async with asyncio.timeout(1.0):
            raw.send(masked(TEXT, b'{"post":{"text":"slow"}}') * (web.inbox._PLACES - 1))
            raw.send(masked(PING, b"still there?") + masked(CLOSE, b""))
            assert await raw.next() == (PONG, b"still there?")
            assert (await raw.until(CLOSE)).code is None
            assert await raw.is_cut()
        refused = await socket.answer()
        assert (refused.data["code"], refused.data["key"]) == ("store-unavailable", "0")
        assert refused.data["retry_after"] >= 1
        private.thaw()
        await wait_until(lambda: _is_up(messenger), "the store is back")
        answers = [await socket.answer() for _ in range(2)]
        assert [answer.data["key"] for answer in answers] == ["1", "2"]
        assert (await socket.post("0", key="0")).name == "posted"
    raw.close()
    assert [text for text in await messenger.texts() if text == "0"] == ["0"]


async def _is_up(messenger: Messenger) -> bool:
    async with messenger.session.get(messenger.url + "/health/ready") as response:
        return response.status == 200


async def test_a_flood_of_posts_waits_in_the_client(
    run_messenger: Run, private_store: PrivateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a post is slow only so many frames are taken in, and no more memory for one client."""
    made: list[web.inbox.Inbox] = []

    class Seen(web.inbox.Inbox):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(web.sockets, "Inbox", Seen)
    messenger = await run_messenger()
    async with messenger.socket() as socket:
        await socket.next()
        private_store.freeze()
        frame = json.dumps({"post": {"text": "x" * 1_900}})
        flood = asyncio.create_task(_flood(socket.socket, frame))
        try:
            waiting = web.inbox._PLACES - 1
            await wait_until(lambda: len(made[0]._frames) == waiting, "it is full")
            connection = socket.socket._response.connection
            assert connection is not None
            unsent = connection.transport.get_write_buffer_size
            await wait_until(lambda: unsent() > 2**16, "the client can't send more")
            assert len(made[0]._frames) == waiting
        finally:
            private_store.thaw()
            flood.cancel()


async def _flood(socket: Any, frame: str) -> None:
    while True:
        await socket.send_str(frame)


async def test_a_mistake_of_ours_is_a_refusal_and_a_line_in_the_log(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback is in the log, its text is not; the socket goes on."""

    async def crash(*_: Any) -> None:
        raise RuntimeError("a mistake")

    async with messenger.socket() as socket:
        with monkeypatch.context() as patch:
            patch.setattr(Log, "append", crash)
            refused = await socket.post("a secret text", key="k")
        assert (refused.data["code"], refused.data["status"]) == ("internal", 500)
        assert refused.data["key"] == "k"
        assert (await socket.post("goes on")).name == "posted"
    assert "a mistake" in caplog.text
    assert "secret" not in caplog.text


async def test_nothing_is_left_of_a_post_that_was_cut(
    messenger: Messenger, private_store: PrivateStore
) -> None:
    """A client that leaves while its post is under way leaves no task and no key that never dies."""
    raw = await RawSocket.open(messenger.url)
    await raw.next()
    private_store.freeze()
    raw.send(masked(TEXT, b'{"post":{"text":"cut"},"key":"k"}') + masked(PING, b"taken"))
    assert await raw.next() == (PONG, b"taken")
    raw.close()
    await raw.is_cut()
    private_store.thaw()
    again = await messenger.post("cut", key="k")
    assert [message["id"] for message in (await messenger.page())["messages"]] == [again["id"]]
    with private_store.client() as client:
        assert client.pttl(KEYS.sent("lobby", "k")) > 0
