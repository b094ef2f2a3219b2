"""The worker: every loop that works on the log, in one task group."""

import asyncio

from consumers.cutter import Cutter
from consumers.projector import Projector
from consumers.redelivery import Redelivery
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.log import Logs
from messenger.settings import Settings


async def work(logs: Logs, stop: asyncio.Event) -> None:
    """Runs until the stop. A loop that crashes takes the others with it, and is raised.

    All of them may stop at once: whatever one leaves undone, the next start finds pending or due.
    """
    view = _view(logs.settings)
    async with asyncio.TaskGroup() as loops:
        loops.create_task(Sweeper(logs).run(stop), name="sweeper")
        loops.create_task(Cutter(logs).run(stop), name="cutter")
        for log in logs.all:
            number = log.keys.partition
            loops.create_task(Projector(log, view).run(stop), name=f"projector {number}")
            loops.create_task(Redelivery(log, view).run(stop), name=f"redelivery {number}")


def _view(settings: Settings) -> type[View]:
    if not settings.tracing:
        return View
    # Late: it brings OpenTelemetry along.
    from consumers.traced import TracedView

    return TracedView
