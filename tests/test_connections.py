"""How many connections one visitor may keep open, and how many a process takes."""

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

import web.app
import web.overload
from tests.commands import UNLIMITED, Commands
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.test_polling import waiting
from tests.waiting import wait_until
from web.capacity import most_connections

Run = Callable[..., Any]
TOKEN = "o" * 32
ROOM = "/api/rooms/lobby"
POLL = f"{ROOM}/messages?wait=60s&after="
STREAM, FIREHOSE = f"{ROOM}/events", "/api/events"


def as_visitor(address: str) -> dict[str, str]:
    """A visitor's headers, as a proxy that is trusted passes them on."""
    return {"X-Forwarded-For": address, "Authorization": f"Bearer {TOKEN}"}


@contextlib.asynccontextmanager
async def opened(messenger: Messenger, path: str, address: str) -> AsyncIterator[None]:
    """An open stream or socket of a visitor."""
    async with AsyncExitStack() as stack:
        url, headers = messenger.url + path, as_visitor(address)
        if path.endswith("socket"):
            await stack.enter_async_context(messenger.session.ws_connect(url, headers=headers))
        else:
            found = await stack.enter_async_context(messenger.session.get(url, headers=headers))
            assert found.status == 200, await found.text()
        yield


async def refused(messenger: Messenger, path: str, address: str, **more: str) -> dict[str, Any]:
    return await messenger.problem("GET", path, headers={**as_visitor(address), **more})


@pytest.fixture
async def messenger(run_messenger: Run) -> Messenger:
    """Each visitor may keep two connections; the tests' own address is that of a trusted proxy."""
    found: Messenger = await run_messenger(
        visitor_connections="2", trusted_proxies="127.0.0.1", admin_token=TOKEN
    )
    return found


SHAKE_HANDS = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def test_all_kinds_count_together(messenger: Messenger) -> None:
    """A stream and a socket are two; then neither stream, firehose, socket nor poll is taken, and each
    is told so by a problem, the socket before its upgrade. Another visitor is."""
    posted = await messenger.post("there")
    who = "203.0.113.1"
    async with opened(messenger, STREAM, who), opened(messenger, f"{ROOM}/socket", who):
        for path in (STREAM, FIREHOSE, POLL + posted["id"]):
            found = await refused(messenger, path, who)
            assert (found["status"], found["code"]) == (429, "too-many-connections")
            assert int(found["headers"]["Retry-After"]) > 0
        for path in (f"{ROOM}/socket", "/api/socket"):
            found = await refused(messenger, path, who, **SHAKE_HANDS)
            assert (found["status"], found["code"]) == (429, "too-many-connections")
        async with opened(messenger, STREAM, "203.0.113.2"):
            pass


@pytest.mark.parametrize("path", [STREAM, FIREHOSE, f"{ROOM}/socket", "/api/socket"])
async def test_who_leaves_makes_room(messenger: Messenger, path: str) -> None:
    """Every kind of connection is counted while it lasts, and no longer."""
    who = "203.0.113.1"
    for _ in range(3):
        async with opened(messenger, path, who), opened(messenger, path, who):
            assert (await refused(messenger, STREAM, who))["code"] == "too-many-connections"
        await wait_until(lambda: has_room(messenger, who), "the places are free again")


async def has_room(messenger: Messenger, who: str) -> bool:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            url, headers = messenger.url + STREAM, as_visitor(who)
            found = await stack.enter_async_context(messenger.session.get(url, headers=headers))
            if found.status != 200:
                return False
    return True


async def test_a_poll_counts_while_it_waits(messenger: Messenger) -> None:
    """Two polls that wait are two connections; the answer of one frees its place. One that has its
    answer at once is none."""
    posted, who = await messenger.post("there"), "203.0.113.1"

    async def poll(after: str) -> int:
        url = messenger.url + POLL + after
        async with messenger.session.get(url, headers=as_visitor(who)) as found:
            await found.read()
            return found.status

    polls = [asyncio.create_task(poll(posted["id"])) for _ in range(2)]
    await waiting(messenger, 2)
    assert await is_refused(messenger, STREAM, who)
    assert await poll(f"{posted['created_at'] - 1}-0") == 200
    await messenger.post("comes")
    assert await asyncio.gather(*polls) == [200, 200]
    async with opened(messenger, STREAM, who):
        pass


async def is_refused(messenger: Messenger, path: str, who: str) -> bool:
    url = messenger.url + path
    async with messenger.session.get(url, headers=as_visitor(who)) as found:
        return found.status == 429


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.1", "::ffff:203.0.113.1", True),
        ("203.0.113.1", "8.8.8.8, 203.0.113.1", True),
        ("203.0.113.1", "203.0.113.1:4711", True),
        ("2001:db8:1:2::1", "[2001:db8:1:2:ffff::1]:4711", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.1", "203.0.113.2", False),
    ],
)
async def test_a_visitor_is_who_the_proxy_says(
    messenger: Messenger, one: str, other: str, is_same: bool
) -> None:
    """The nearest address that no proxy has, a whole /64 of IPv6; what was forged left of it is not
    believed."""
    async with opened(messenger, STREAM, one), opened(messenger, STREAM, one):
        assert await is_refused(messenger, STREAM, other) is is_same


@pytest.mark.parametrize("who", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "junk", ""])
async def test_who_has_no_address_of_a_visitor_is_not_counted(
    messenger: Messenger, who: str
) -> None:
    """This machine, and a proxy that names nobody, stand for any number of people."""
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(opened(messenger, STREAM, who))


async def test_without_a_proxy_the_machine_itself_is_not_counted(run_messenger: Run) -> None:
    """Whoever comes over loopback, whatever it claims."""
    messenger = await run_messenger(visitor_connections="1", admin_token=TOKEN)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(opened(messenger, STREAM, "203.0.113.1"))


async def test_the_limit_may_be_off(run_messenger: Run) -> None:
    """Then any number is taken."""
    messenger = await run_messenger(
        visitor_connections="off", trusted_proxies="127.0.0.1", admin_token=TOKEN
    )
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(opened(messenger, STREAM, "203.0.113.1"))


MOST = 12


@pytest.fixture
async def small(run_messenger: Run, monkeypatch: pytest.MonkeyPatch) -> Messenger:
    """A process that takes a dozen connections."""
    monkeypatch.setattr(web.app, "most_connections", lambda _: MOST)
    found: Messenger = await run_messenger()
    return found


async def answer(address: str, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") -> bytes:
    """What a connection of its own is answered, up to its end."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_a_process_takes_as_many_connections_as_fit(small: Messenger) -> None:
    """The next is told 503 and when to come again, and is closed; those that are open go on. Once one
    has gone there is room."""
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as session:
        streams = [
            await stack.enter_async_context(session.get(small.url + STREAM))
            for _ in range(MOST - 1)
        ]
        await small.post("the last that fits")
        told = await answer(small.url)
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 5\r\n" in head
        assert b"\r\nContent-Length: %d\r\n" % len(body) in head
        assert b'"code":"overloaded"' in body
        posted = await small.post("goes on")
        assert posted["id"].encode() in await streams[0].content.readuntil(posted["id"].encode())
        streams[0].close()
        await wait_until(lambda: fits(small.url), "there is room again")
        async with small.session.get(small.url + "/metrics") as found:
            figures = await found.text()
    assert f"messenger_connections_limit {MOST}.0\n" in figures
    assert 'messenger_refused_total{reason="overloaded"}' in figures


async def fits(address: str) -> bool:
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    return (await answer(address, request)).startswith(b"HTTP/1.1 200")


async def test_who_is_refused_keeps_no_place(small: Messenger) -> None:
    """A flood that is refused and does not leave is let go of after a moment: nobody is heard out for
    longer, and of many at a time nobody is."""
    host, _, port = small.url.removeprefix("http://").partition(":")
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as session:
        for _ in range(MOST - 1):
            await stack.enter_async_context(session.get(small.url + STREAM))
        await small.post("x")
        flood = [await asyncio.open_connection(host, int(port)) for _ in range(150)]
        for reader, _ in flood:
            assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 503")
        assert web.overload.Refused.lingering <= 64
        await wait_until(lambda: web.overload.Refused.lingering == 0, "nobody is heard out")
        for _, writer in flood:
            writer.close()


@pytest.mark.parametrize(("files", "partitions", "most"), [(4_096, 1, 3_964), (200, 1, 100)])
def test_some_files_are_kept_back(
    monkeypatch: pytest.MonkeyPatch, files: int, partitions: int, most: int
) -> None:
    """For the store and files of our own; of few files half serves."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections(partitions) == most


async def test_files_never_run_out(private_store: PrivateStore) -> None:
    """A process with few files, flooded with connections: it says so at its start, refuses, goes on
    taking posts from who has a connection, and never fails to open a file."""
    async with Commands(
        MESSENGER_STORE_URL=private_store.url, MESSENGER_PORT="0", **UNLIMITED
    ) as commands:
        running = await commands.start_program(
            *("sh", "-c", 'ulimit -n 256; exec "$0" "$@"'),
            *(sys.executable, "-m", "messenger", "web"),
        )
        address = (await running.line()).removeprefix("Messenger is on ")
        assert "open 256 files" in running.errors()
        host, _, port = address.removeprefix("http://").partition(":")
        async with aiohttp.ClientSession() as session:
            path = f"{address}{ROOM}/messages"
            async with session.post(path, json={"text": "before"}) as found:
                assert found.status == 201
            flood = [await asyncio.open_connection(host, int(port)) for _ in range(400)]
            last = await asyncio.wait_for(flood[-1][0].read(), 10)
            assert last.startswith(b"HTTP/1.1 503")
            async with session.post(path, json={"text": "meanwhile"}) as found:
                assert found.status == 201
            for _, writer in flood:
                writer.close()
            await wait_until(lambda: fits(address), "there is room again")
        assert "Too many open files" not in running.errors()
