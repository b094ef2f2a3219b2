"""The supervisor of the web workers: starts them, watches them, ends them."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

from messenger.loops import Stopped, pause, unless
from web.workers.line import Ask, Cover
from web.workers.listeners import SPREADS, address_of
from web.workers.process import Process
from web.workers.rolling import Rolling
from web.workers.slot import Slot
from web.workers.sums import Sums

log = logging.getLogger(__name__)

_LOOK_S = 0.25
# Late by this, it was us who stood still, and not those whom we did not hear.
_STOOD_STILL_S = 1.0
# One that hangs for so long does not come back to itself, and its readers had better go elsewhere.
_HANGS_S = 30.0


class Supervisor:
    """`command` starts a worker, with three words more (process.py); `listeners` are each worker's
    sockets."""

    def __init__(
        self, command: Sequence[str], listeners: Sequence[Sequence[socket.socket]]
    ) -> None:
        self._command = command
        self._listeners = listeners
        self._slots = [Slot(number, self._start) for number in range(1, len(listeners) + 1)]
        self._sums = Sums()
        self._covers: dict[Process, list[int]] = {}
        self._group = asyncio.TaskGroup()

    async def run(
        self, stop: asyncio.Event, again: asyncio.Event, listening: Callable[[str], None]
    ) -> int:
        """Serves until the stop; each time that `again` is set, restarts one worker after the other.
        `listening` is told the address once they serve. Gives the exit code: that of the first worker
        if it can't start, for it has said why.

        The order of the stop: no new connections, then all workers at once, each in its own order.
        """
        async with self._group:
            try:
                code = await unless(stop, self._begin())
                if code == 0:
                    listening(address_of(self._listeners[0][0].getsockname()))
                    await self._serve(stop, again)
                return code
            except Stopped:
                return 0
            finally:
                await self._end()

    async def _begin(self) -> int:
        """The first worker goes ahead: what is wrong is said once, and is the end."""
        first, *others = self._slots
        process = await first.begin()
        if not process.is_ready:
            log.error("%s before it served", process.how_it_ended)
            return process.code if process.code > 0 else 1
        await asyncio.gather(*(slot.begin() for slot in others))
        return 0

    async def _serve(self, stop: asyncio.Event, again: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for slot in self._slots:
                group.create_task(slot.run(stop), name=f"worker {slot.number}")
            group.create_task(self._watch(stop), name="watch")
            group.create_task(Rolling(self._slots).run(stop, again), name="rolling restart")

    async def _end(self) -> None:
        for listeners in self._listeners:
            for each in listeners:
                each.close()
        processes = tuple(self._sums.processes)
        for process in processes:
            process.kill(signal.SIGTERM)
        await asyncio.gather(*(process.ended() for process in processes))

    async def _start(self, number: int) -> Process:
        process = Process(number, self._on_ask)
        await process.start(self._command, self._listeners)
        self._sums.processes.add(process)
        self._group.create_task(process.watch(self._on_over))
        return process

    def _on_over(self, process: Process) -> None:
        self._sums.end(process)
        self._covers.pop(process, None)
        if self._slots[process.number - 1].process is process:
            self._sums.deaths += 1
            self._cover()

    def _on_ask(self, process: Process, ask: Ask) -> None:
        serves = {slot.number: _serves(slot) for slot in self._slots}
        self._group.create_task(self._sums.answer(process, ask, serves))

    async def _watch(self, stop: asyncio.Event) -> None:
        """Looks who serves and who hangs."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + _LOOK_S
            await pause(stop, _LOOK_S)
            for process in self._sums.processes:
                if loop.time() - due > _STOOD_STILL_S:
                    process.heard_at = loop.time()
                elif process.is_ready and process.silent_s > _HANGS_S:
                    log.error(
                        "worker %s (process %s) hangs: killing it", process.number, process.pid
                    )
                    process.heard_at = loop.time()
                    process.kill(signal.SIGKILL)
            self._cover()

    def _cover(self) -> None:
        """Connections to a worker that can't take them are taken by the others."""
        well = [slot.process for slot in self._slots if slot.process and slot.process.answers]
        absent = [slot.number for slot in self._slots if slot.process not in well]
        if not SPREADS:
            return
        for at, process in enumerate(well):
            wanted = absent[at :: len(well)]
            if self._covers.get(process, []) != wanted:
                self._covers[process] = wanted
                process.send(Cover(wanted))


def _serves(slot: Slot) -> bool:
    process = slot.process
    if process is None or process.account is None:
        return False
    return process.answers and process.account.is_ready
