"""The firehose is for who holds the operator's token; what is wrong is said, and nobody is held up."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import web.sockets
from messenger.errors import StoreUnavailable
from messenger.log import Log, Logs, Post
from tests.conversations import TEXT, RawSocket
from tests.firehoses import AUTHORIZED, TOKEN, Open, socketed, streamed
from tests.serving import Messenger
from tests.sinks import Recorder
from tests.test_firehose import both
from tests.test_socket_upgrade import UPGRADE
from tests.waiting import wait_until
from web import sse
from web.everything import Scope
from web.feed import Feed
from web.firehose import Firehose
from web.live import Live

Run = Callable[..., Messenger]
PATHS = ["/api/events", "/api/socket"]


@pytest.mark.parametrize("path", PATHS)
async def test_only_an_operator_may_listen_to_all(run_messenger: Run, path: str) -> None:
    """401, the same for an absent token, a wrong one, an author's, and where none is set."""
    closed = await run_messenger()
    messenger = await run_messenger(with_worker=False, admin_token=TOKEN)
    author = (await messenger.post("mine"))["erase_token"]
    refusals = []
    for each, header in [
        (messenger, {}),
        (messenger, {"Authorization": "Bearer wrong"}),
        (messenger, {"Authorization": f"Bearer {TOKEN}x"}),
        (messenger, {"Authorization": f"Basic {TOKEN}"}),
        (messenger, {"Authorization": "Bearer \xff"}),
        (messenger, {"Authorization": f"Bearer {author}"}),
        (closed, AUTHORIZED),
    ]:
        refused = await each.problem("GET", path, headers=UPGRADE | header)
        assert (refused["status"], refused["code"]) == (401, "not-allowed")
        assert refused["headers"]["WWW-Authenticate"] == 'Bearer realm="messenger"'
        refusals.append(refused["detail"])
    assert len(set(refusals)) == 1


async def test_another_site_s_page_may_not_open_the_socket(run_messenger: Run) -> None:
    """The origin is looked at first, then the upgrade, then the token."""
    messenger = await run_messenger(admin_token=TOKEN)
    forged = UPGRADE | AUTHORIZED | {"Origin": "https://other.example"}
    refused = await messenger.problem("GET", "/api/socket", headers=forged)
    assert (refused["status"], refused["code"]) == (403, "cross-origin")
    refused = await messenger.problem("GET", "/api/socket")
    assert (refused["status"], refused["code"]) == (426, "upgrade-required")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=abc", "bad-cursor"),
        ("after=", "bad-cursor"),
        ("after=1764000000000-0:0,1", "bad-cursor"),
        ("after=1764000000000:0", "bad-cursor"),
        ("after=1764000000000:0,1,2", "bad-cursor"),
        ("last_event_id=%ff", "bad-cursor"),
        ("rooms=", "bad-room"),
        ("rooms=a,,b", "bad-room"),
        ("rooms=a,b%20c", "bad-room"),
        ("rooms=%ff", "bad-room"),
        ("rooms=" + ",".join(f"r{number}" for number in range(101)), "bad-query"),
    ],
)
async def test_a_bad_question_is_refused(
    run_messenger: Run, path: str, query: str, code: str
) -> None:
    """Before a byte of the stream is sent."""
    messenger = await run_messenger(partitions="2", admin_token=TOKEN)
    found = await messenger.problem("GET", f"{path}?{query}", headers=UPGRADE | AUTHORIZED)
    assert (found["status"], found["code"]) == (400, code)


@both
async def test_a_hundred_rooms_are_taken(run_messenger: Run, opened: Open) -> None:
    """A name may come twice."""
    messenger = await run_messenger(admin_token=TOKEN)
    names = [f"r{number}" for number in range(99)]
    async with opened(messenger, rooms=",".join([*names, "r0"])) as chosen:
        await chosen.next()
        await messenger.post("x", room="r98")
        assert (await chosen.next()).data["room"] == "r98"


async def test_its_socket_takes_no_posts(run_messenger: Run) -> None:
    """It is no room's; it is told so, and goes on."""
    messenger = await run_messenger(admin_token=TOKEN)
    async with socketed(messenger) as socket:
        for frame in ({"post": {"text": "x"}, "key": "k"}, {"post": {"text": "x"}}, []):
            await socket.ask(frame)
            refused = await socket.answer()
            assert (refused.name, refused.data["code"]) == ("refused", "invalid-field")
        await messenger.post("still there")
        assert (await socket.until("message")).data["text"] == "still there"


@both
async def test_who_listens_to_all_is_in_no_room(run_messenger: Run, opened: Open) -> None:
    """Neither counted as here, nor told who is; but among the streams of the figures."""
    messenger = await run_messenger(admin_token=TOKEN)
    async with opened(messenger, rooms="lobby") as chosen, messenger.stream() as stream:
        await chosen.next()
        assert (await stream.next()).data["here"] == 1
        async with messenger.stream():
            assert (await stream.next()).data["here"] == 2
            async with messenger.session.get(messenger.url + "/metrics") as response:
                assert "messenger_subscribers 3.0" in await response.text()
            await messenger.post("x")
            assert (await chosen.next()).name == "message"


async def test_a_reader_of_all_that_does_not_read_is_cut(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is that of every stream; a room's own readers are not held up."""
    monkeypatch.setattr(web.sockets, "_LEAVE_S", 20.0)
    monkeypatch.setattr(web.sockets, "_PING_S", 300.0)
    messenger = await run_messenger(admin_token=TOKEN)
    deaf = await RawSocket.open(messenger.url, "/api/socket", AUTHORIZED)
    deaf.writer.transport.pause_reading()
    async with messenger.stream() as reading:
        await reading.next()

        async def is_cut() -> bool:
            log = messenger.logs.of("lobby")
            posts = [log.append(Post("lobby", "me", "é" * 2_000)) for _ in range(200)]
            posted = {str(each.id) for each in await asyncio.gather(*posts)}
            assert {message["id"] for message in await reading.messages(200)} == posted
            async with messenger.session.get(messenger.url + "/metrics") as response:
                return "slow_subscribers_closed_total 1.0" in await response.text()

        await wait_until(is_cut, "it is cut", seconds=40)
    deaf.writer.transport.resume_reading()
    while (frame := await deaf.next()).kind == TEXT:
        last = json.loads(frame.payload)
    assert (last["data"], frame.code) == ({"reason": "slow"}, 4008)
    deaf.close()


@both
async def test_a_history_that_can_t_be_read_ends_the_stream(
    run_messenger: Run, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away in the middle: what was told stands, and the reader is told to come back."""
    messenger = await run_messenger(admin_token=TOKEN)
    posts = [messenger.logs.of("lobby").append(Post("lobby", "me", f"{n}")) for n in range(1_500)]
    await asyncio.gather(*posts)
    read = Log.range

    async def away_at_the_second_page(log: Log, after: Any, *more: Any) -> Any:
        if after.ms:
            raise StoreUnavailable("the store does not answer")
        return await read(log, after, *more)

    with monkeypatch.context() as patch:
        patch.setattr(Log, "range", away_at_the_second_page)
        async with opened(messenger, last_id="0-0") as all_rooms:
            first = await all_rooms.messages(1_000)
            assert (await all_rooms.next()).data == {"reason": "unavailable"}
            if opened is socketed:
                assert (await all_rooms.rest()) == ([], 1013)
            last_id = all_rooms.last_id
    async with opened(messenger, last_id=last_id) as all_rooms:
        rest = await all_rooms.messages(500)
    assert [message["text"] for message in first + rest] == [f"{n}" for n in range(1_500)]


async def test_what_is_told_is_encoded_once(logs: Logs) -> None:
    """For each format and each choice of rooms, however many listen; and not at all for nobody."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    encoded: list[int] = []

    def encode(events: list[Live]) -> bytes:
        encoded.append(len(events))
        return sse.encode(events)

    sinks = [Recorder() for _ in range(5)]
    scopes = [Scope(None, frozenset({0}))] * 3 + [Scope(frozenset({"lobby"}), frozenset({0}))] * 2
    for sink, scope in zip(sinks, scopes, strict=True):
        sink.subscriber.encode = encode
        sink.subscriber.open()
        feed.everything.listeners[sink.subscriber] = scope
    log = logs.of("lobby")
    await asyncio.gather(*(log.append(Post("other", "me", f"{n}")) for n in range(20)))
    while partition.position < (await log.settle()).last:
        await partition.step()
    assert sum(encoded) == 20
    assert sinks[0].written == sinks[1].written == sinks[2].written
    assert sinks[0].written.count(b"event: message") == 20
    assert sinks[3].written == b""
    await partition.close()


async def test_rooms_that_speak_in_turn_are_told_in_the_log_s_order(logs: Logs) -> None:
    """Also where one look at the log finds several messages of several rooms: a cursor never goes
    back."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    sink = Recorder()
    sink.subscriber.open()
    feed.everything.listeners[sink.subscriber] = Scope(None, frozenset({0}))
    log = logs.of("lobby")
    posts = [await log.append(Post(room, "me", "x")) for room in ("a", "b", "a", "c", "b", "a")]
    while partition.position < posts[-1].id:
        await partition.step()
    lines = sink.written.decode().splitlines()
    assert [line[4:] for line in lines if line.startswith("id: ")] == [str(p.id) for p in posts]
    await partition.close()


async def test_an_id_that_is_a_moment_ahead_is_waited_for(logs: Logs) -> None:
    """What another process told before this one has read it is no reset."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    ahead = (await logs.of("lobby").append(Post("lobby", "me", "ahead"))).id
    sink = Recorder()
    source = Firehose(feed, Scope(None, frozenset({0})), [ahead])
    beginning = asyncio.create_task(source.begin(sink.subscriber))
    await asyncio.sleep(0)
    assert not beginning.done()
    while partition.position < ahead:
        await partition.step()
    opening = await beginning
    told = [event async for piece in opening for event in piece]
    assert [event.name for event in told] == [b"hello", b"heartbeat"]
    assert sink.subscriber in feed.everything.listeners
    source.leave(sink.subscriber)
    assert not feed.everything.listeners
    assert not feed.subscribers
    await partition.close()


async def test_a_stop_in_the_middle_of_a_history_ends_it(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long history does not hold up a stop: the reader is told, and comes back for the rest."""
    messenger = await run_messenger(admin_token=TOKEN)
    await messenger.post("x")
    held = asyncio.Event()
    read = Log.range

    async def slowly(log: Log, *given: Any) -> Any:
        held.set()
        await asyncio.sleep(0.3)
        return await read(log, *given)

    monkeypatch.setattr(Log, "range", slowly)
    async with streamed(messenger, last_id="0-0") as all_rooms:
        assert (await all_rooms.next()).name == "hello"
        await held.wait()
        messenger.stop()
        assert (await all_rooms.next()).data == {"reason": "restart"}
        assert await all_rooms.rest() == []
