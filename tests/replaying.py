"""A replay in the tests' own process, and what it gave."""

import asyncio
import json
import shlex
from typing import Any

from messenger import lines
from messenger.entries import START, Entry, EntryId
from messenger.log import Logs
from messenger.replay import Replay
from messenger.span import Span

ALL = Span(START, EntryId(2**62, 0), None)


class Kept:
    """A sink that keeps what it is given, and when; from a piece on it waits until it may `go`."""

    def __init__(self, waits_at: int = 1) -> None:
        self._free = waits_at - 1
        self.lines: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.go = asyncio.Event()
        self.go.set()
        self.is_waiting = False

    async def write(self, entries: list[Entry]) -> int:
        data = lines.encode(entries)
        self.lines += [json.loads(line) for line in data.splitlines()]
        self.times += [asyncio.get_running_loop().time()] * len(entries)
        if self._free:
            self._free -= 1
            return len(data)
        self.is_waiting = True
        await self.go.wait()
        self.is_waiting = False
        return len(data)

    @property
    def texts(self) -> list[str]:
        return [line["text"] for line in self.lines]


async def replayed(logs: Logs, span: Span = ALL, speed: float | None = None) -> Kept:
    kept = Kept()
    run = Replay(logs, span, speed)
    await run.run(kept, asyncio.Event())
    assert run.is_whole
    assert run.tally.entries == len(kept.lines)
    return kept


def texts(written: str | bytes) -> list[str]:
    return [json.loads(line)["text"] for line in written.splitlines()]


def go_on_words(said: str) -> list[str]:
    """The options with which a command says that it goes on."""
    return shlex.split(said.strip().split("go on with ")[1])
