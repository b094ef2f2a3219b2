"""The worker: every loop that works on the log, in one task group."""

import asyncio
import contextlib

from consumers.changes import Changes
from consumers.cutter import Cutter
from consumers.projector import Projector
from consumers.redelivery import Redelivery
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.log import Logs
from messenger.loops import Stopped, unless
from messenger.settings import Settings


async def work(logs: Logs, stop: asyncio.Event) -> None:
    """Runs until the stop; when the store has another number of partitions, on those. A loop that
    crashes takes the others with it, and is raised."""
    while not stop.is_set():
        changes = Changes(logs)
        await _work(logs, changes, stop)
        logs = changes.logs


async def _work(logs: Logs, changes: Changes, end: asyncio.Event) -> None:
    """Runs until the end, or until there is something new in `changes`.

    All loops may stop at once: whatever one leaves undone, the next start finds pending or due.
    """
    view, stop = _view(logs.settings), asyncio.Event()
    async with asyncio.TaskGroup() as loops:
        loops.create_task(_pass_on(end, stop), name="stop")
        loops.create_task(changes.run(stop), name="changes")
        loops.create_task(Sweeper(logs).run(stop), name="sweeper")
        loops.create_task(Cutter(logs).run(stop), name="cutter")
        for log in list(logs.all):
            number = log.keys.partition
            loops.create_task(Projector(log, view).run(stop), name=f"projector {number}")
            loops.create_task(Redelivery(log, view).run(stop), name=f"redelivery {number}")


async def _pass_on(end: asyncio.Event, stop: asyncio.Event) -> None:
    """Stops at the end, unless that was done before."""
    with contextlib.suppress(Stopped):
        await unless(stop, end.wait())
    stop.set()


def _view(settings: Settings) -> type[View]:
    if not settings.tracing:
        return View
    # Late: it brings OpenTelemetry along.
    from consumers.traced import TracedView

    return TracedView
