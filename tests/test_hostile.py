"""Slow and hostile clients, in small numbers: the others are served, and nothing is kept for ever or
left behind. `make hostile` is the large one, with figures."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import ClientSession

import web.patience
from messenger.entries import START
from tests.commands import UNLIMITED, Commands
from tests.hostile.process import figure, open_files, resident_mb
from tests.hostile.rounds import Crowd
from tests.hostile.scenarios import SCENARIOS
from tests.hostile.swarm import KINDS, raise_limit
from tests.lines import Line
from tests.serving import Messenger
from tests.waiting import wait_until
from web import sse
from web.live import Hello

_HOLDING = [kind for kind in KINDS if kind != "gone" and not kind.startswith("listen")]
# What one connection of any kind may cost, with room to spare: a stream that waits takes 13 KiB.
_CONNECTION_KIB = 64
_CROWD = 3_000
_FREE_MB = 40
# Connections of the test's own.
_OURS = 4


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


@asynccontextmanager
async def holding(url: str, kinds: list[str], each: int) -> AsyncIterator[list[Line]]:
    """Connections of these kinds, which have said their first words and read nothing."""
    async with AsyncExitStack() as stack:
        lines = []
        for kind in kinds:
            firsts, _ = KINDS[kind]
            for number in range(each):
                sent = firsts[number % len(firsts)]
                line = await Line.open(url, sent, receives=4_096)
                lines.append(stack.enter_context(line))
        yield lines


def test_every_kind_has_a_scenario() -> None:
    """What can be done to a messenger is done to it by `make hostile`."""
    assert {scenario.kind for scenario in SCENARIOS} == KINDS.keys()


@pytest.mark.parametrize("kind", _HOLDING)
async def test_the_others_are_served_while_these_hold(messenger: Messenger, kind: str) -> None:
    """A post is answered and read, a page too, while a hundred of the kind are there."""
    async with holding(messenger.url, [kind], 100), messenger.stream() as stream:
        posted = await messenger.post("still here")
        assert [each["id"] for each in await stream.messages(1)] == [posted["id"]]
        assert await messenger.texts() == ["still here"]


async def test_nothing_is_left_of_those_who_held(messenger: Messenger) -> None:
    """When they leave, every task and every file descriptor of theirs is let go of."""
    tasks, files = len(asyncio.all_tasks()), open_files()
    async with holding(messenger.url, _HOLDING, 10):
        await wait_until(lambda: len(asyncio.all_tasks()) > tasks + 20, "they are there")
    await wait_until(lambda: len(asyncio.all_tasks()) <= tasks, "no task is left")
    await wait_until(lambda: open_files() <= files, "no file descriptor is left")


async def test_who_keeps_us_waiting_is_closed_however_many_they_are(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who say nothing, and those with half a head, a hundred of each."""
    monkeypatch.setattr(web.patience, "HEAD_S", 0.5)
    async with holding(messenger.url, ["silent", "head"], 100) as lines:
        ends = await asyncio.gather(*(line.rest() for line in lines))
    assert set(ends[:100]) == {b""}
    assert all(b" 408 " in end for end in ends[100:])


def test_readers_come_back_spread() -> None:
    """A restart ends all streams at once. Each was told a time of its own, from half a second to three,
    and no tenth of that span has twice its share."""
    told = [_retry_ms(sse.encode([Hello(START, "e", 0, 0, 1)])) for _ in range(5_000)]
    assert min(told) >= 500
    assert max(told) <= 3_000
    tenths = Counter((ms - 500) // 250 for ms in told)
    assert max(tenths.values()) < 2 * len(told) / 10


def _retry_ms(frame: bytes) -> int:
    first, _, _ = frame.partition(b"\n")
    assert first.startswith(b"retry: ")
    return int(first.removeprefix(b"retry: "))


async def test_thousands_of_streams_wait(own_commands: Commands, session: ClientSession) -> None:
    """They cost no more than their share of memory, the others are served, and when all leave in one
    moment nothing of them is left."""
    raise_limit()
    up = await own_commands.start("up", MESSENGER_PORT="0", **UNLIMITED)
    messenger = Messenger(None, (await up.line()).rpartition(" ")[2], session, lambda: None)
    tasks = await figure(session, messenger.url, "messenger_tasks")
    memory, files = resident_mb(up.pid), open_files(up.pid)
    scenario = next(each for each in SCENARIOS if each.name == "idle")
    crowd = Crowd(messenger.url, scenario._replace(count=_CROWD))
    try:
        await crowd.gather()
        assert await figure(session, messenger.url, "messenger_subscribers") == _CROWD
        assert resident_mb(up.pid) < memory + _FREE_MB + _CROWD * _CONNECTION_KIB / 1_024
        async with messenger.stream() as stream:
            posted = await messenger.post("still here")
            assert [each["id"] for each in await stream.messages(1)] == [posted["id"]]
    finally:
        await crowd.kill()

    async def all_have_gone() -> bool:
        found = await figure(session, messenger.url, "messenger_tasks")
        return found <= tasks + _OURS and open_files(up.pid) <= files + _OURS

    await wait_until(all_have_gone, "nothing is left", seconds=20)
