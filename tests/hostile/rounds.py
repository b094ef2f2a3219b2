"""One scenario: the others before, during and after it, in one run on one messenger."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.commands import UNLIMITED, Commands, Running
from tests.faults.site import free_port
from tests.hostile.others import Others
from tests.hostile.process import figure, open_files, resident_mb
from tests.hostile.scenarios import BACK_S, EACH_MS, FREE_MB, MS, TIMES, Scenario
from tests.waiting import wait_until

_WARM_S, _BEFORE_S, _AFTER_S = 2.0, 8.0, 3.0
_LOOK_S = 0.2
_OPEN_S = 60.0
# After they have gone the process has this long to let go of everything.
_TIDY_S = 20.0
# It opens a connection to the store for its figures, and the look itself is one.
_SPARE = 4
_ROOT = Path(__file__).parents[2]


class Row(msgspec.Struct):
    """What came of it. Times are milliseconds; `broken` are the bounds that did not hold."""

    scenario: Scenario
    post_before: float = 0.0
    post_during: float = 0.0
    read_before: float = 0.0
    read_during: float = 0.0
    slowest: float = 0.0
    mb_before: float = 0.0
    mb_most: float = 0.0
    mb_after: float = 0.0
    notes: list[str] = []
    broken: list[str] = []


class Crowd:
    """The processes that the connections of a scenario live in."""

    def __init__(self, url: str, scenario: Scenario) -> None:
        self._url = url
        self._scenario = scenario
        self._processes: list[asyncio.subprocess.Process] = []

    async def gather(self) -> None:
        """Starts them; all connections are open at the end."""
        each = self._scenario.count // self._scenario.processes
        for number in range(self._scenario.processes):
            words = (self._url, self._scenario.kind, str(each), str(number * each + 1))
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.hostile.swarm", *words),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    cwd=_ROOT,
                )
            )
        await self._hear("open")

    async def are_back(self) -> float:
        """Waits until all have come back; how long that took them."""
        return max(float(words.split()[1]) for words in await self._hear("back"))

    async def _hear(self, word: str) -> list[str]:
        async with asyncio.timeout(_OPEN_S):
            lines = [(await each.stdout.readline()).decode() for each in self._processes]  # type: ignore[union-attr]
        assert all(line.startswith(word) for line in lines), lines
        return lines

    async def end(self) -> list[dict[str, Any]]:
        """Ends them, each after it has told what became of its connections."""
        told = []
        for each in self._processes:
            out, _ = await each.communicate(b"")
            told.append(json.loads(out.splitlines()[-1]))
        return told

    async def kill(self) -> None:
        """All connections end in one moment."""
        for each in self._processes:
            if each.returncode is None:
                each.kill()
        for each in self._processes:
            await each.wait()


class _Round:
    def __init__(self, scenario: Scenario, commands: Commands) -> None:
        self.row = Row(scenario)
        self.scenario = scenario
        self._commands = commands
        self._port = str(free_port())
        self.up: Running | None = None
        self.url = ""

    async def start(self) -> None:
        self.up = await self._commands.start("up", MESSENGER_PORT=self._port, **UNLIMITED)
        self.url = (await self.up.line()).rpartition(" ")[2]

    @property
    def pid(self) -> int:
        assert self.up is not None
        return self.up.pid

    async def watch(self) -> None:
        """Keeps the most memory that was ever seen."""
        while True:
            with contextlib.suppress(OSError, IndexError):  # while it is restarted
                self.row.mb_most = max(self.row.mb_most, resident_mb(self.pid))
            await asyncio.sleep(_LOOK_S)

    def demand(self, is_so: object, words: str) -> None:
        if not is_so:
            self.row.broken.append(words)


async def run(scenario: Scenario) -> Row:
    async with Commands() as commands:
        this = _Round(scenario, commands)
        await this.start()
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as looks:
            files = open_files(this.pid)
            tasks = await figure(looks, this.url, "messenger_tasks")
            await _measure(this, looks)
            await _tidied(this, looks, files, tasks)
        this.row.mb_after = resident_mb(this.pid)
        _judge(this)
        return this.row


async def _measure(this: _Round, looks: aiohttp.ClientSession) -> None:
    crowd = Crowd(this.url, this.scenario)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        others = Others(this.url, session, this.scenario.padding)
        running = [asyncio.create_task(others.run()), asyncio.create_task(this.watch())]
        try:
            await _before_and_during(this, others, crowd)
            if this.scenario.kind == "deaf":
                cut = await figure(looks, this.url, "messenger_slow_subscribers_closed_total")
                this.row.notes.append(f"{cut:.0f} cut as slow")
                this.demand(cut == this.scenario.count, "not all were cut as slow")
        finally:
            await crowd.kill()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _before_and_during(this: _Round, others: Others, crowd: Crowd) -> None:
    row, scenario = this.row, this.scenario
    await asyncio.sleep(_WARM_S)
    began = time.monotonic()
    await asyncio.sleep(_BEFORE_S)
    row.mb_before = resident_mb(this.pid)
    until = came = time.monotonic()
    await crowd.gather()
    row.notes.append(f"all there after {time.monotonic() - came:.1f} s")
    if scenario.then == "restart":
        came = await _restart(this, crowd)
    elif scenario.then == "leave":
        came = time.monotonic()
        await crowd.kill()
    await asyncio.sleep(scenario.seconds)
    went = time.monotonic()
    if scenario.then != "leave":
        _tell_ends(this, await crowd.end())
    await asyncio.sleep(_AFTER_S)
    row.post_before, row.post_during = _p99(others.answered, (began, until), (came, went))
    row.read_before, row.read_during = _p99(others.seen, (began, until), (came, went))
    row.slowest = max((took for at, took in others.answered if came <= at < went), default=0) * 1e3
    refused = [words for at, words in others.refused if at >= came]
    this.demand(not others.gaps, f"the reader was told of {others.gaps} gaps")
    this.demand(not refused, f"{len(refused)} posts were not accepted: {refused[-3:]}")


async def _restart(this: _Round, crowd: Crowd) -> float:
    """Ends the process and starts it again; when its port was open."""
    assert this.up is not None
    await this.up.end(signal.SIGTERM)
    await this.start()
    opened = time.monotonic()
    took = await crowd.are_back()
    this.row.notes.append(f"all back {took:.1f} s after the first was cut")
    this.demand(took < BACK_S, f"it took {took:.1f} s until all were back")
    return opened


async def _tidied(this: _Round, looks: aiohttp.ClientSession, files: int, tasks: float) -> None:
    """All have gone, the others too: what was open and under way before they came is, and no more."""

    async def is_tidy() -> bool:
        found = await figure(looks, this.url, "messenger_tasks")
        return open_files(this.pid) <= files + _SPARE and found <= tasks + _SPARE

    try:
        await wait_until(is_tidy, "nothing is left", seconds=_TIDY_S)
    except AssertionError:
        left = await figure(looks, this.url, "messenger_tasks")
        open_now = open_files(this.pid)
        this.row.broken.append(
            f"{open_now} files are open, {files} were; {left:.0f} tasks, {tasks:.0f} were"
        )


def _tell_ends(this: _Round, told: Sequence[dict[str, Any]]) -> None:
    scenario, row = this.scenario, this.row
    opened, closed = (sum(each[name] for each in told) for name in ("opened", "closed"))
    if scenario.kind == "gone":
        row.notes.append(f"{opened} connections")
    elif scenario.closed_s is not None or closed:
        lives = [second for each in told for second in each["lived_s"]]
        row.notes.append(
            f"{closed} closed" + (f" after {min(lives):.0f} to {max(lives):.0f} s" if lives else "")
        )
        if scenario.closed_s is not None:
            this.demand(closed == opened, f"{opened - closed} of {opened} were not closed")
            this.demand(
                not lives or max(lives) <= scenario.closed_s,
                f"one lived {max(lives, default=0):.1f} s",
            )


def _judge(this: _Round) -> None:
    row, scenario = this.row, this.scenario
    least = max(MS, EACH_MS * scenario.count) if scenario.then else MS
    for what, before, during in (
        ("a post", row.post_before, row.post_during),
        ("a reader", row.read_before, row.read_during),
    ):
        bound = max(TIMES * before, least)
        this.demand(0 < during <= bound, f"p99 of {what} is {during:.0f} ms, over {bound:.0f}")
    bound_mb = row.mb_before + FREE_MB + scenario.count * scenario.kib / 1_024
    this.demand(row.mb_most <= bound_mb, f"{row.mb_most:.0f} MB, over {bound_mb:.0f}")


def _p99(measured: Sequence[tuple[float, float]], *spans: tuple[float, float]) -> tuple[float, ...]:
    """The 99th percentile of what began in each span, in milliseconds; 0 where there is nothing."""
    found = []
    for since, until in spans:
        times = sorted(took for at, took in measured if since <= at < until)
        found.append(times[int(len(times) * 0.99)] * 1_000 if times else 0.0)
    return tuple(found)
