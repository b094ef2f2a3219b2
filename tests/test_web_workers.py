"""`messenger web --workers N`: several web processes that are one to whoever asks."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from tests.commands import Commands, kill
from tests.operating import OPERATOR, TOKEN
from tests.private_store import PrivateStore
from tests.streams import Stream
from tests.supervised import Supervised, supervised
from tests.waiting import wait_until


@pytest.fixture
async def three(private_store: PrivateStore) -> AsyncIterator[Supervised]:
    async with supervised(private_store, 3) as made:
        yield made


@contextlib.asynccontextmanager
async def _reader(of: Supervised) -> AsyncIterator[Stream]:
    """A stream on a connection of its own."""
    async with aiohttp.ClientSession() as session, of.on(session).stream() as stream:
        yield stream


async def test_the_figures_are_the_sum_whoever_tells_them(three: Supervised) -> None:
    """Posts over many connections are counted once each, and every worker tells the same sum; each
    has got a share of the connections."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(30):
            await stack.enter_async_context(_reader(three))
        for number in range(40):
            async with aiohttp.ClientSession() as session:
                await three.on(session).post(f"{number}")
        for _ in range(12):
            assert await three.figure("messenger_appends_total") == 40
            posts = 'route="/api/rooms/{room}/messages",status="201"'
            assert await three.figure("messenger_http_request_seconds_count", posts) == 40
            assert await three.figure("messenger_subscribers") == 30
            assert await three.figure("messenger_streams_total") == 30
            assert await three.figure("messenger_web_worker_subscribers") == 30
        for number in (1, 2, 3):
            own = await three.figure("messenger_web_worker_subscribers", f'worker="{number}"')
            assert 1 <= own <= 25
    assert (await three.health())["status"] == "ready"


async def test_the_operators_page_is_told_of_all(private_store: PrivateStore) -> None:
    """Subscribers and deliveries of /api/ops/figures are those of all workers, whoever answers."""
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(
            supervised(private_store, 2, MESSENGER_ADMIN_TOKEN=TOKEN)
        )
        streams = [await stack.enter_async_context(_reader(made)) for _ in range(20)]
        await made.post("for all")
        for stream in streams:
            await stream.until("message")

        async def all_are_told() -> bool:
            found = [await _figures(made) for _ in range(6)]
            delivered = [sum(each[2] for each in one["seconds"]) for one in found]
            return {one["subscribers"] for one in found} == {20} and min(delivered) >= 20

        await wait_until(all_are_told, "each worker tells of all readers and deliveries")


async def _figures(of: Supervised) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers=OPERATOR) as session,
        session.get(f"{of.url}/api/ops/figures") as response,
    ):
        found: dict[str, Any] = await response.json()
        return found


async def test_presence_is_true_over_all_workers(three: Supervised) -> None:
    """Every reader is told how many are in the room, whichever workers they are at, and the readers
    of a worker that is killed leave."""
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(_reader(three)) for _ in range(24)]

        async def hear(stream: Stream, here: int) -> None:
            while True:
                event = await stream.next(15)
                if event.name in ("hello", "present") and event.data["here"] == here:
                    return

        await asyncio.gather(*(hear(stream, 24) for stream in streams))
        lost = await three.figure("messenger_web_worker_subscribers", 'worker="2"')
        assert 0 < lost < 24
        kill(three.workers()[2])
        left = 24 - int(lost)

        async def hear_or_end(stream: Stream) -> bool:
            try:
                await hear(stream, left)
            except (EOFError, aiohttp.ClientError):
                return False
            return True

        heard = await asyncio.gather(*(hear_or_end(stream) for stream in streams))
        assert heard.count(True) == left


async def test_a_killed_worker_is_replaced_and_nothing_counted_is_lost(three: Supervised) -> None:
    """kill -9 of a worker: connections go to the others at once, another one is started, it is said
    loudly who died of what, and no counter goes back."""
    for number in range(20):
        async with aiohttp.ClientSession() as session:
            await three.on(session).post(f"before {number}")
    assert await three.figure("messenger_appends_total") == 20
    before = three.workers()
    kill(before[2])
    for number in range(20):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(3)) as session:
            await three.on(session).post(f"after {number}")
        assert await three.figure("messenger_appends_total") == 21 + number
    await three.all_serve(3)
    after = three.workers()
    assert (after[1], after[3]) == (before[1], before[3])
    assert after[2] != before[2]
    assert await three.figure("messenger_web_worker_deaths_total") == 1
    lines = [json.loads(line) for line in three.running.errors().splitlines()]
    (said,) = [line for line in lines if line["level"] == "error"]
    assert said["event"].startswith(f"worker 2 (process {before[2]}) was killed by SIGKILL")
    assert {line.get("worker") for line in lines} == {None, 1, 2, 3}
    assert len(await three.texts(limit=100)) == 40


async def test_a_frozen_worker_holds_nobody_up(three: Supervised) -> None:
    """A worker that stands still gets no connections after a moment, all others say that it does not
    serve, and it goes on where it was."""
    frozen = three.workers()[3]
    os.kill(frozen, signal.SIGSTOP)
    try:
        missing = "web worker 3 does not serve; the others do"

        async def is_missed() -> bool:
            with contextlib.suppress(TimeoutError):
                return missing in (await three.health())["problems"]
            return False

        await wait_until(is_missed, "it is missed", seconds=20)
        for _ in range(20):
            found = await three.health()
            assert (found["status"], found["problems"]) == ("degraded", [missing])
    finally:
        os.kill(frozen, signal.SIGCONT)
    await three.caught_up()
    assert three.workers()[3] == frozen


async def test_a_stop_ends_all_in_their_order(private_store: PrivateStore) -> None:
    """SIGTERM to the supervisor: every stream is told so and ends, all end with 0, quickly."""
    async with supervised(private_store, 2) as two, contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(_reader(two)) for _ in range(12)]
        for stream in streams:
            await stream.next()
        pids = two.workers().values()
        assert await two.running.end(signal.SIGTERM) == 0
        for stream in streams:
            assert (await stream.rest())[-1].name == "farewell"
        assert not any(_lives(pid) for pid in pids)
        assert "Traceback" not in two.running.errors()


async def test_workers_end_with_their_supervisor(private_store: PrivateStore) -> None:
    """kill -9 of the supervisor leaves no worker behind."""
    async with supervised(private_store, 2) as two:
        pids = list(two.workers().values())
        assert len(pids) == 2
        await two.running.end(signal.SIGKILL)
        await wait_until(lambda: not any(_lives(pid) for pid in pids), "the workers have ended")


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between the two
        return False


async def test_a_start_that_fails_is_said_once(
    commands: Commands, own_store: Callable[..., PrivateStore]
) -> None:
    """Without a store, or on a port that another supervisor has, it ends as one process would: the
    code and the line are the same."""
    done = await commands.run("web", "--workers", "3", "--store-url", "redis://127.0.0.1:1")
    assert (done.code, done.out) == (3, "")
    assert done.err.count("messenger: ") == 1
    holder = await commands.start("web", "--workers", "2", "--port", "0")
    port = (await holder.line()).rpartition(":")[2]
    done = await commands.run("web", "--workers", "2", "--port", port)
    assert (done.code, done.out) == (2, "")
    assert done.one_line().startswith("messenger: MESSENGER_HOST and MESSENGER_PORT are")
