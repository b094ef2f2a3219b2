"""Promise 7: one slow reader harms only itself."""

import asyncio
import socket
import time
from collections.abc import Callable

import pytest

import web.sources
from messenger.entries import EntryId
from messenger.log import Logs, Post
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.sinks import Recorder
from tests.waiting import wait_until
from web.feed import Feed
from web.live import Held
from web.subscriber import SLOW_BYTES


def held(number: int, size: int = 100) -> Held:
    return Held(EntryId(number, 0), 2**60, b'{"text":"' + b"x" * size + b'"}')


async def test_a_reader_that_does_not_read_is_cut_and_told() -> None:
    """Past the bound a subscriber is ended as slow; nobody waited for it."""
    sink = Recorder()
    sink.subscriber.open()
    sink.subscriber.deliver(b"one")
    sink.unread_bytes = SLOW_BYTES + 1
    sink.subscriber.deliver(b"two")
    assert sink.subscriber.ended.result() == "slow"
    assert sink.written == b'oneevent: farewell\ndata: {"reason":"slow"}\n\n'
    sink.subscriber.deliver(b"three")
    assert b"three" not in sink.written


async def test_a_reader_that_never_gets_its_history_is_bounded() -> None:
    """What waits behind the gate is bounded too."""
    sink = Recorder()
    frames = b"x" * 10_000
    for _ in range(SLOW_BYTES // len(frames) + 2):
        sink.subscriber.deliver(frames)
    assert sink.subscriber.ended.result() == "slow"


async def test_what_waits_behind_the_gate_comes_after_the_history_once() -> None:
    """Live frames that come before the gate opens are sent when it opens, in order, once."""
    sink = Recorder()
    sink.subscriber.deliver(b"1")
    sink.subscriber.deliver(b"2")
    assert sink.written == b""
    sink.subscriber.open()
    sink.subscriber.deliver(b"3")
    assert sink.written == b"123"


async def test_a_reader_that_left_is_not_written_to(logs: Logs) -> None:
    """A closed connection ends its subscriber without a word."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    sink = Recorder()
    await feed.subscribe("lobby", None, sink.subscriber)
    sink.subscriber.open()
    sink.closing = True
    partition.room("lobby").broadcast([held(1)])
    assert sink.subscriber.ended.result() == "left"
    assert sink.written == b""
    await partition.close()


async def test_others_get_everything_while_some_do_not_read(
    run_messenger: Callable[..., Messenger],
) -> None:
    """Readers that never read are cut in the end; one that reads gets all, in time."""
    messenger = await run_messenger()
    sockets = [await _deaf_reader(messenger) for _ in range(10)]
    try:
        async with messenger.stream() as stream:
            await stream.next()
            await wait_until(lambda: _subscribers(messenger), "all listen")
            text = "x" * 1_900

            async def are_cut() -> bool:
                """The kernel holds some megabytes for each before anything is felt here."""
                posts = [messenger.post(text) for _ in range(100)]
                posted = {each["id"] for each in await asyncio.gather(*posts)}
                assert {message["id"] for message in await stream.messages(100)} == posted
                return await _metric(messenger, "messenger_slow_subscribers_closed_total") == 10

            await wait_until(are_cut, "the deaf readers are cut", seconds=40)
            assert await _metric(messenger, "messenger_subscribers") == 1
    finally:
        for each in sockets:
            each.close()


async def _deaf_reader(messenger: Messenger, query: str = "") -> socket.socket:
    """Asks for a stream and never reads it."""
    host, _, port = messenger.url.removeprefix("http://").partition(":")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.setblocking(False)
    await asyncio.get_running_loop().sock_connect(deaf, (host, int(port)))
    request = f"GET /api/rooms/lobby/events{query} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(deaf, request.encode())
    return deaf


async def _subscribers(messenger: Messenger) -> bool:
    return await _metric(messenger, "messenger_subscribers") > 1


async def _metric(messenger: Messenger, name: str) -> float:
    async with messenger.session.get(messenger.url + "/metrics") as response:
        for line in (await response.text()).splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


async def test_nothing_is_written_before_the_history(logs: Logs) -> None:
    """A stream that is ended while it waits for its history says no word out of turn."""
    for ending in ("slow", "restart"):
        sink = Recorder()
        sink.subscriber.end(ending)
        sink.subscriber.open()
        assert sink.written == b""


async def test_a_stop_waits_for_no_reader(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """One that reads nothing, in the middle of its history or after it, is cut: a stop takes less than
    two seconds."""
    async with serving(private_store.url, settings()) as messenger:
        log = messenger.logs.all[0]
        posts = [log.append(Post("lobby", "me", "é" * 2_000)) for _ in range(3_000)]
        await asyncio.gather(*posts)
        deaf = [await _deaf_reader(messenger, query) for query in ("?after=0-0", "")]
        await wait_until(lambda: _subscribers(messenger), "both are there")
        began = time.monotonic()
        messenger.stop()
    assert time.monotonic() - began < 2.0
    for each in deaf:
        each.close()


async def test_a_history_that_is_not_taken_is_cut(
    run_messenger: Callable[..., Messenger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a quiet room, too, a reader that asks for all and reads nothing is ended, and let go."""
    monkeypatch.setattr(web.sources, "_TAKE_S", 0.3)
    messenger = await run_messenger()
    posts = [messenger.logs.all[0].append(Post("lobby", "me", "é" * 2_000)) for _ in range(3_000)]
    await asyncio.gather(*posts)
    deaf = await _deaf_reader(messenger, "?after=0-0")
    try:

        async def is_cut() -> bool:
            return await _metric(messenger, "messenger_slow_subscribers_closed_total") == 1

        await wait_until(is_cut, "it is cut")
        assert await _metric(messenger, "messenger_subscribers") == 0
    finally:
        deaf.close()
