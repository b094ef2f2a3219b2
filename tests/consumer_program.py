"""A program with a consumer, as somebody writes it: it is killed by tests.

    python -m tests.consumer_program URL GROUP [NAME]

Prints a line for each event it was given: `begun <text>`, and `handled <text>` when it is acked. At the
text `hang` it waits for ever.
"""

import asyncio
import os
import sys

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from tests.consuming import QUICK, text_of


async def main(url: str, group: str, name: str | None = None) -> None:
    async def handle(delivery: Delivery) -> None:
        print(f"begun {text_of(delivery)}", flush=True)
        if text_of(delivery) == "hang":
            await asyncio.Event().wait()
        if text_of(delivery) == "die":
            os._exit(9)
        await consumer.ack(delivery)
        print(f"handled {text_of(delivery)}", flush=True)

    async with Consumer(url, group, name=name, retries=QUICK) as consumer:
        await consumer.run(handle, concurrency=2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
