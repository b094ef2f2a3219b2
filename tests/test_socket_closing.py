"""How a socket ends: a code that says why, and whether to come back; and nobody is waited for."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest

import web.sockets
import web.subscriber
from messenger.log import Post
from messenger.settings import Settings
from tests.conversations import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, masked
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until

Run = Callable[..., Messenger]

POST = b'{"post":{"text":"%b"}}'
LONGEST = POST % (b"x" * 1_900) + b" " * (4_096 - 1_900 - len(POST) + 2)


@pytest.fixture
async def raw(messenger: Messenger) -> AsyncIterator[RawSocket]:
    """A socket that has been greeted."""
    opened = await RawSocket.open(messenger.url)
    assert (await opened.next()).payload.startswith(b'{"event":"hello"')
    yield opened
    opened.close()


BROKEN = [
    ("binary", masked(BINARY, b"x"), 1003),
    ("empty binary", masked(BINARY, b""), 1003),
    ("no JSON", masked(TEXT, b"{"), 1007),
    ("nothing", masked(TEXT, b""), 1007),
    ("two values", masked(TEXT, POST % b"a" + b"{}"), 1007),
    ("NaN", masked(TEXT, b'{"post":{"text":"a","ttl":NaN}}'), 1007),
    ("a lone surrogate", masked(TEXT, b'{"post":{"text":"\\ud800"}}'), 1007),
    ("not UTF-8", masked(TEXT, b'{"post":{"text":"\xff"}}'), 1007),
    ("not UTF-8 in a close", masked(CLOSE, b"\x03\xe8\xff"), 1007),
    ("over 4 KiB", masked(TEXT, b" " * 4_097), 1009),
    ("far over 4 KiB", masked(TEXT, b" " * 3_000_000), 1009),
    ("says it is over 4 KiB", masked(TEXT, b"", size=2**62), 1009),
    (
        "over 4 KiB in pieces",
        masked(TEXT, b" " * 4_000, is_last=False) + masked(0, b" " * 97),
        1009,
    ),
    ("a reserved bit", bytes([0xF1, 0x80, 0, 0, 0, 0]), 1002),
    ("an unknown kind", masked(0x3, b"x"), 1002),
    ("a ping in pieces", masked(PING, b"x", is_last=False), 1002),
    ("a long ping", masked(PING, b"x" * 126), 1002),
    ("a piece of nothing", masked(0, b"x"), 1002),
    ("a close of one byte", masked(CLOSE, b"x"), 1002),
    ("a code that nobody may send", masked(CLOSE, (1006).to_bytes(2, "big")), 1002),
    # Found by fuzzing: these came back as they were.
    ("a code that is none", masked(CLOSE, (5000).to_bytes(2, "big")), 1002),
    ("the largest number", masked(CLOSE, b"\xff\xff"), 1002),
]


@pytest.mark.parametrize(
    ("sent", "code"), [each[1:] for each in BROKEN], ids=[b[0] for b in BROKEN]
)
async def test_what_can_t_be_understood_ends_the_socket(
    raw: RawSocket, messenger: Messenger, sent: bytes, code: int
) -> None:
    """Each kind of broken frame has its code, which arrives though bytes still come; then the
    connection ends, and nothing of it was posted."""
    raw.send(sent)
    raw.send(masked(PING, b"still here"))
    assert (await raw.until(CLOSE)).code == code
    assert await raw.is_cut()
    assert await messenger.texts() == []


async def test_a_frame_of_4_kib_is_taken(raw: RawSocket, messenger: Messenger) -> None:
    """In one piece, and in several with a ping between them."""
    raw.send(masked(TEXT, LONGEST))
    raw.send(masked(TEXT, LONGEST[:1_000], is_last=False) + masked(PING, b"x"))
    raw.send(masked(0, LONGEST[1_000:3_000], is_last=False) + masked(0, LONGEST[3_000:]))
    frames = [await raw.next() for _ in range(5)]
    assert len(await messenger.texts()) == 2
    assert [frame.payload for frame in frames if frame.kind == PONG] == [b"x"]
    posted = [frame for frame in frames if frame.payload.startswith(b'{"event":"posted"')]
    assert len(posted) == 2


@pytest.mark.parametrize("code", [1000, 1001, 4321, None])
async def test_a_client_that_takes_leave_is_let_go(raw: RawSocket, code: int | None) -> None:
    """It gets its own code back, and the connection ends at once."""
    raw.send(masked(CLOSE, b"" if code is None else code.to_bytes(2, "big") + b"bye"))
    began = time.monotonic()
    assert (await raw.next()).code == code
    assert await raw.is_cut()
    assert time.monotonic() - began < web.sockets._LEAVE_S


async def test_a_ping_is_answered(raw: RawSocket) -> None:
    """With what it carries."""
    for payload in (b"", b"x" * 125):
        raw.send(masked(PING, payload))
        assert await raw.next() == (PONG, payload)


async def test_a_silent_client_is_pinged_and_a_dead_one_is_cut(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers stays, one that does not is gone, and counted no more."""
    monkeypatch.setattr(web.sockets, "_PING_S", 0.4)
    messenger = await run_messenger()
    async with messenger.socket() as living:
        await living.next()
        # Reading, it answers pings.
        following = asyncio.create_task(living.until("message"))
        dead = await RawSocket.open(messenger.url)
        assert (await dead.until(PING)).payload == b""
        assert await dead.is_cut()
        dead.close()
        await wait_until(lambda: _readers(messenger, 1), "the dead one is let go")
        await messenger.post("still there")
        assert (await following).data["text"] == "still there"


async def test_a_restart_says_so_and_a_reader_resumes(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Farewell, then 1012, quickly; the next process goes on where this one ended."""
    async with serving(private_store.url, settings()) as messenger:
        first = await messenger.post("first")
        async with messenger.socket(after="0-0") as socket:
            assert (await socket.messages(1))[0]["id"] == first["id"]
            began = time.monotonic()
            messenger.stop()
            events, code = await socket.rest()
            assert [(event.name, event.data) for event in events] == [
                ("farewell", {"reason": "restart"})
            ]
            assert code == 1012
            last_id = socket.last_id
    assert time.monotonic() - began < 2.0
    async with serving(private_store.url, settings()) as messenger:
        second = await messenger.post("second")
        async with messenger.socket(after=last_id) as socket:
            assert [event.id for event in await socket.take(2)] == [first["id"], second["id"]]


async def test_a_stop_waits_for_no_client(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """A client that never takes leave, and one that does not even read, are cut; a stop takes less
    than two seconds."""
    async with serving(private_store.url, settings()) as messenger:
        mute, deaf = [await RawSocket.open(messenger.url) for _ in range(2)]
        await mute.next()
        deaf.writer.transport.pause_reading()
        began = time.monotonic()
        messenger.stop()
        assert json.loads((await mute.next()).payload)["event"] == "farewell"
        assert (await mute.next()).code == 1012
        assert await mute.is_cut()
    assert time.monotonic() - began < 2.0
    for each in (mute, deaf):
        each.close()


async def test_a_post_under_way_is_answered_before_a_stop(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """What was accepted is said to be; what waited behind it is not taken any more."""
    async with serving(private_store.url, settings()) as messenger:
        raw = await RawSocket.open(messenger.url)
        await raw.next()
        private_store.freeze()
        raw.send(masked(TEXT, POST % b"under way") + masked(TEXT, POST % b"waits"))
        raw.send(masked(PING, b"taken"))
        assert await raw.next() == (PONG, b"taken")
        messenger.stop()
        assert json.loads((await raw.next()).payload)["event"] == "farewell"
        private_store.thaw()
        posted = json.loads((await raw.next()).payload)
        assert (posted["event"], posted["data"]["text"]) == ("posted", "under way")
        assert (await raw.next()).code == 1012
        raw.close()
    async with serving(private_store.url, settings()) as messenger:
        assert await messenger.texts() == ["under way"]


async def test_a_slow_reader_is_cut_and_told(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too much unread: farewell and 4008 are the last it gets; others are not held up."""
    monkeypatch.setattr(web.sockets, "_LEAVE_S", 20.0)
    monkeypatch.setattr(web.sockets, "_PING_S", 300.0)
    messenger = await run_messenger()
    deaf = await RawSocket.open(messenger.url)
    deaf.writer.transport.pause_reading()
    log = messenger.logs.all[0]
    async with messenger.socket() as reading:
        await reading.next()

        async def is_cut() -> bool:
            posts = [log.append(Post("lobby", "me", "é" * 2_000)) for _ in range(200)]
            posted = {str(each.id) for each in await asyncio.gather(*posts)}
            assert {message["id"] for message in await reading.messages(200)} == posted
            async with messenger.session.get(messenger.url + "/metrics") as response:
                return "slow_subscribers_closed_total 1.0" in await response.text()

        await wait_until(is_cut, "the deaf reader is cut", seconds=40)
    deaf.writer.transport.resume_reading()
    frames = []
    while (frame := await deaf.next()).kind == TEXT:
        frames.append(json.loads(frame.payload))
    assert frames[-1] == {"event": "farewell", "data": {"reason": "slow"}}
    assert frame.code == 4008
    deaf.close()


async def test_a_client_that_asks_and_does_not_read_is_cut(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings and refused posts make answers: they are bounded as events are."""
    monkeypatch.setattr(web.subscriber, "SLOW_BYTES", 2**16)
    monkeypatch.setattr(web.sockets, "SLOW_BYTES", 2**16)
    messenger = await run_messenger()
    for flood in (masked(PING, b"x" * 125), masked(TEXT, b'{"colour":"red"}')):
        deaf = await RawSocket.open(messenger.url)
        deaf.writer.transport.pause_reading()

        async def is_cut(deaf: RawSocket = deaf, flood: bytes = flood) -> bool:
            deaf.send(flood * 1_000)
            return await _readers(messenger, 0)

        await wait_until(is_cut, "it is cut", seconds=30)
        deaf.close()


async def _readers(messenger: Messenger, count: int) -> bool:
    async with messenger.session.get(messenger.url + "/metrics") as response:
        return f"messenger_subscribers {count}.0" in await response.text()


async def test_a_flood_of_pings_holds_up_nobody(messenger: Messenger) -> None:
    """However many frames lie there to be read, between two of them everybody else has a turn."""
    raw = await RawSocket.open(messenger.url)
    await raw.next()
    count, turns = 1_000, 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    raw.send(masked(PING, b"") * count + masked(PING, b"last"))
    counting = asyncio.create_task(count_turns())
    while await raw.next() != (PONG, b"last"):
        pass
    counting.cancel()
    raw.close()
    assert turns > count
