"""One place among the web workers: a process in it that dies is followed by another."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

from messenger.loops import Backoff, Stopped, pause, unless
from web.workers.process import Process

log = logging.getLogger(__name__)

_FIRST_S, _CAP_S = 0.1, 5.0
# A process that lived for so long was well; its death is not the last one's illness.
_WELL_S = 10.0
# Reading a long log takes a few seconds.
_READY_S = 60.0


class Slot:
    """`start` starts a process for a place."""

    def __init__(self, number: int, start: Callable[[int], Awaitable[Process]]) -> None:
        self.number = number
        self.process: Process | None = None
        self._start = start
        self._change = asyncio.Lock()

    async def begin(self) -> Process:
        """The first process, once it serves or has ended."""
        self.process = await self._start(self.number)
        await self.process.settled.wait()
        return self.process

    async def run(self, stop: asyncio.Event) -> None:
        """Puts another process in the place of each that ends unasked."""
        backoff = Backoff(_FIRST_S, _CAP_S)
        while not stop.is_set():
            process = self.process
            assert process is not None
            try:
                await unless(stop, process.over.wait())
            except Stopped:
                return
            # One that has left its place to another ended as it should.
            if process is self.process:
                await self._start_again(process, backoff, stop)

    async def replace(self, stop: asyncio.Event) -> bool:
        """Puts a new process in the old one's place: only once it serves does the old one leave. False
        where it does not come to that; the old one stays then. Raises Stopped at the stop."""
        async with self._change:
            new = await self._start(self.number)
            if not await self._serves(new, stop):
                return False
            old, self.process = self.process, new
        assert old is not None
        old.leave()
        await unless(stop, old.ended())
        return True

    async def _start_again(self, process: Process, backoff: Backoff, stop: asyncio.Event) -> None:
        if asyncio.get_running_loop().time() - process.began_at > _WELL_S:
            backoff.reset()
        wait_s = backoff.next_s()
        log.error("%s; another is started in %.1f s", process.how_it_ended, wait_s)
        await pause(stop, wait_s)
        async with self._change:
            if process is self.process and not stop.is_set():
                try:
                    self.process = await self._start(self.number)
                except OSError as error:
                    # No memory, no descriptor: the others need none of it to go on.
                    log.error("worker %s can't be started: %s", self.number, error.strerror)

    async def _serves(self, new: Process, stop: asyncio.Event) -> bool:
        """Waits for a new process to serve; one that never does is ended."""
        try:
            async with asyncio.timeout(_READY_S):
                await unless(stop, new.settled.wait())
        except TimeoutError:
            new.kill(signal.SIGTERM)
            await new.ended()
        if not new.is_ready:
            log.error("%s before it served; the old ones stay", new.how_it_ended)
        return new.is_ready
