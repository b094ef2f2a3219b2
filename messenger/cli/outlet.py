"""Standard output as a replay's sink: it may be a pipe that nobody reads, and a stop is heard all the
same."""

import asyncio

from messenger import lines
from messenger.cli.writer import Writer
from messenger.entries import Entry
from messenger.loops import Stopped


class Outlet:
    def __init__(self, descriptor: int, stop: asyncio.Event) -> None:
        self._writer = Writer(descriptor, "standard output")
        self._stop = stop

    async def write(self, entries: list[Entry]) -> int:
        data = lines.encode(entries)
        if not await self._writer.write(data, self._stop):
            raise Stopped
        return len(data)

    def close(self) -> None:
        """No more comes; what waits for a reader is not waited for."""
        self._writer.close()
