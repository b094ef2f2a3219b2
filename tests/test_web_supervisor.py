"""The supervisor of web workers by itself, over programs that play a worker."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest

from messenger.settings import Settings
from tests.supervised import workers_of
from tests.waiting import wait_until
from web.workers import slot, supervisor
from web.workers.listeners import open_listeners
from web.workers.supervisor import Supervisor


class Running(NamedTuple):
    task: asyncio.Task[int]
    stop: asyncio.Event
    again: asyncio.Event

    def workers(self) -> dict[int, int]:
        """This process is the supervisor."""
        return workers_of(os.getpid(), "tests.playing_worker")


@contextlib.asynccontextmanager
async def _supervising(settings: Settings, count: int, play: str) -> AsyncIterator[Running]:
    stop, again, serves = asyncio.Event(), asyncio.Event(), asyncio.Event()
    command = [sys.executable, "-m", "tests.playing_worker", play]
    made = Supervisor(command, open_listeners(settings, count))
    task = asyncio.create_task(made.run(stop, again, lambda _: serves.set()))
    waits = asyncio.create_task(serves.wait())
    try:
        await asyncio.wait({task, waits}, return_when=asyncio.FIRST_COMPLETED)
        yield Running(task, stop, again)
    finally:
        waits.cancel()
        stop.set()
        await task
    assert workers_of(os.getpid(), "tests.playing_worker") == {}


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]


async def test_one_that_dies_again_and_again_is_waited_longer_for(
    settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    """Each death is said with the exit code, and each time the wait is twice as long, a fifth more or
    less; the other worker is left alone."""
    async with _supervising(settings(), 2, "dies") as running:
        first = running.workers()[1]
        await wait_until(lambda: len(_errors(caplog)) >= 5, "it has died five times", seconds=30)
        assert running.workers()[1] == first
    said = re.compile(r"worker 2 \(process \d+\) ended with 7; another is started in (\S+) s")
    waits = [float(said.fullmatch(each)[1]) for each in _errors(caplog)[:5]]  # type: ignore[index]
    for wait_s, expected_s in zip(waits, (0.1, 0.2, 0.4, 0.8, 1.6), strict=True):
        # It is said to a tenth of a second.
        assert abs(wait_s - expected_s) <= 0.2 * expected_s + 0.051


async def test_one_that_hangs_is_killed_and_replaced(
    settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that says nothing for too long is killed, and another takes its place."""
    monkeypatch.setattr(supervisor, "_HANGS_S", 1.5)
    async with _supervising(settings(), 2, "steady") as running:
        hangs = running.workers()[2]
        os.kill(hangs, signal.SIGSTOP)
        await wait_until(lambda: running.workers().get(2, hangs) != hangs, "another has its place")
    hanging, killed = _errors(caplog)
    assert hanging == f"worker 2 (process {hangs}) hangs: killing it"
    assert killed.startswith(
        f"worker 2 (process {hangs}) was killed by SIGKILL; another is started"
    )


async def test_a_supervisor_that_stood_still_blames_nobody(
    settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a machine that stood still: whom it did not hear meanwhile, and hears a moment later, it
    leaves alone."""
    monkeypatch.setattr(supervisor, "_HANGS_S", 1.5)
    async with _supervising(settings(), 2, "steady") as running:
        before = running.workers()
        for pid in before.values():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)  # noqa: ASYNC251  we stand still, too
        await asyncio.sleep(0.1)
        for pid in before.values():
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(1.0)
        assert running.workers() == before
    assert _errors(caplog) == []


async def test_a_stop_during_the_start_ends_all(settings: Callable[..., Settings]) -> None:
    """A worker that never comes to serve holds up no stop."""
    stop = asyncio.Event()
    command = [sys.executable, "-m", "tests.playing_worker", "stuck"]
    made = Supervisor(command, open_listeners(settings(), 2))
    task = asyncio.create_task(made.run(stop, asyncio.Event(), lambda _: None))
    await wait_until(lambda: workers_of(os.getpid(), "tests.playing_worker"), "it is started")
    stop.set()
    async with asyncio.timeout(5):
        assert await task == 0
    assert workers_of(os.getpid(), "tests.playing_worker") == {}


async def test_a_successor_that_never_serves_is_given_up(
    settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart whose first new worker does not come to serve ends there: the old ones stay."""
    monkeypatch.setattr(slot, "_READY_S", 0.5)
    async with _supervising(settings(), 2, "steady") as running:
        before = running.workers()
        monkeypatch.setattr(
            supervisor.Process, "start", _started_as("stuck", supervisor.Process.start)
        )
        running.again.set()
        await wait_until(lambda: _errors(caplog), "it is given up")
        assert running.workers() == before
    (said,) = _errors(caplog)
    assert said.endswith("ended with 0 before it served; the old ones stay")


def _started_as(play: str, start: Callable[..., object]) -> Callable[..., object]:
    def as_play(self: object, command: list[str], listeners: object) -> object:
        return start(self, [*command[:-1], play], listeners)

    return as_play
