"""Posts past the web process, as another one would: our own append, at an even rate, until it is ended.

Asked: `store`, `rate`. Prints a line once the first is in.
"""

import asyncio
import time

import uvloop

from bench.clients.result import asked
from messenger.adopt import adopt
from messenger.connection import Store
from messenger.log import Logs, Post
from messenger.settings import load


async def _run(store: str, rate: float) -> None:
    async with Store(store) as opened:
        settings = await adopt(opened, load({}, {}))
        assert settings is not None
        logs = Logs(opened, settings)
        await logs.settle()
        log = logs.of("lobby")
        began, number = time.perf_counter(), 0
        while True:
            await log.append(Post("lobby", "somebody", "x" * 100))
            if number == 0:
                print("began", flush=True)
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))


if __name__ == "__main__":
    uvloop.run(_run(**asked()))
