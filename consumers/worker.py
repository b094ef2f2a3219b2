"""The worker: every loop that works on the log, in one task group."""

import asyncio

from consumers.projector import Projector
from consumers.redelivery import Redelivery
from consumers.sweeper import Sweeper
from messenger.log import Logs


async def work(logs: Logs, stop: asyncio.Event) -> None:
    """Runs until the stop. A loop that crashes takes the others with it, and is raised.

    All of them may stop at once: whatever one leaves undone, the next start finds pending or due.
    """
    async with asyncio.TaskGroup() as loops:
        loops.create_task(Sweeper(logs).run(stop), name="sweeper")
        for log in logs.all:
            loops.create_task(Projector(log).run(stop), name=f"projector {log.keys.partition}")
            loops.create_task(Redelivery(log).run(stop), name=f"redelivery {log.keys.partition}")
