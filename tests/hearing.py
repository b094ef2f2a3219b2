"""What a running program says, read as it comes."""

import asyncio
import signal

from tests.commands import Running


class Heard:
    """A running program and the lines of its output so far."""

    def __init__(self, running: Running) -> None:
        self.lines: list[str] = []
        self.running = running
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.running.lines():
            self.lines.append(line)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the program and hears it out; the exit code."""
        self.running.signal(number)
        await self._reading
        return await self.running.ended()

    async def close(self) -> None:
        self.running.hear_output()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
