"""Reads a partition's entries for a consumer: what it was given before and lost, then new ones."""

import asyncio

from consumers.group import BATCH, GroupGone
from consumers.reports import Reporter
from consumers.share import Share, as_pending
from messenger.entries import START
from messenger.loops import AWAY, persist


class Intake:
    def __init__(self, share: Share, report: Reporter) -> None:
        self._share = share
        self._report = report
        self._has_doubt = True
        self._own_after = START
        # Set when a read has found nothing: this consumer has all that there was.
        self.at_end = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, f"reading partition {self._share.partition}", self.step)
        await self._share.group.close()

    async def step(self) -> None:
        """Reads as much as there is space for. After any doubt our own pending entries come first: a
        reply may have been lost after the store had marked them as delivered."""
        await self._share.hand.wait_for_space()
        count = min(BATCH, self._share.hand.space())
        if not count:  # the stop
            return
        try:
            await (self._read_own(count) if self._has_doubt else self._read_new(count))
        except GroupGone:
            await self._share.join(self._report)
        except AWAY:
            self._has_doubt, self._own_after = True, START
            raise

    async def _read_own(self, count: int) -> None:
        found = await self._share.group.own(self._own_after, count)
        self._has_doubt = bool(found)
        self._own_after = found[-1].entry.id if found else START
        await self._share.admit(found)

    async def _read_new(self, count: int) -> None:
        entries = await self._share.group.new(count)
        if entries:
            self.at_end.clear()
            await self._share.admit(as_pending(entries))
        else:
            self.at_end.set()
