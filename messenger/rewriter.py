"""Has the embedded store's append-only file rewritten, so that expired texts leave the disk too."""

import asyncio
import logging

from redis.exceptions import ResponseError

from messenger.connection import Store
from messenger.log import Logs
from messenger.loops import persist

log = logging.getLogger(__name__)

# The promise: off the disk within a minute, or the window if that is longer, after a text expired.
_PROMISE_MS = 60_000
# So often it is looked whether a rewrite is due, or one that was under way then has ended.
_LOOK_S = 1.0


class Rewriter:
    """A text is in the file that was open when it was posted, until the first rewrite after it
    expired. Twice in the promised time leaves room for the rewrite itself."""

    def __init__(self, store: Store, logs: Logs) -> None:
        self._store = store
        self._logs = logs
        self._every_s = max(_PROMISE_MS, logs.settings.window) / 2 / 1_000
        self._due_at = 0.0
        self._written: list[tuple[int, int]] = []

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "rewriter", self._look, every_s=_LOOK_S)

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._due_at and await self.rewrite():
            self._due_at = now + self._every_s

    async def rewrite(self) -> bool:
        """Starts a rewrite, unless nothing came or went since the last one. False where one is already
        under way: it began before this look, and the next one has to be ours."""
        state = [await self._state(each.keys.log) for each in self._logs.all]
        if state == self._written and await self._last_went_well():
            return True
        try:
            await self._store.client.bgrewriteaof()
        except ResponseError as error:
            log.debug("no rewrite now: %s", error)
            return False
        self._written = state
        return True

    async def _last_went_well(self) -> bool:
        """A rewrite ends in the background, and may fail there: for want of disk, for one."""
        info = await self._store.client.info("persistence")
        status = str(info["aof_last_bgrewrite_status"])
        if status != "ok":
            log.error("the last rewrite failed (%s): expired texts may still be on disk", status)
        return status == "ok"

    async def _state(self, key: str) -> tuple[int, int]:
        """How many entries ever came, and how many are there."""
        try:
            info = await self._store.client.xinfo_stream(key)
        except ResponseError:  # no log yet
            return 0, 0
        return info["entries-added"], info["length"]
