"""Measures how late the event loop is: what every request and every stream in it waits for."""

import asyncio

from messenger.loops import pause
from web.metrics import Metrics

_EVERY_S = 0.5


class LoopLag:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def run(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + _EVERY_S
            await pause(stop, _EVERY_S)
            self._metrics.loop_lag(max(0.0, loop.time() - due))
