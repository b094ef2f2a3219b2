"""Keeps a consumer's share of a partition: signs of life, reports, and what others have left."""

import asyncio
from contextlib import suppress

from consumers.checkpoint import Kept
from consumers.group import GroupGone
from consumers.membership import Membership
from consumers.reports import Missed, Reporter
from consumers.share import Share
from messenger.errors import StoreUnfit
from messenger.loops import AWAY, persist

_EVERY_S = 1.0
# Several signs of life in the time after which others take over.
_IN_AN_IDLE = 4
# A consumer that was silent for so long does not come back.
_GONE_MS = 600_000
_ROUNDS_A_REAPING = 60


class Keeper:
    def __init__(self, share: Share, membership: Membership, report: Reporter) -> None:
        self._share = share
        self._membership = membership
        self._report = report
        self._idle_ms = membership.retries.idle_ms
        self._round = 0
        # Set when all that is pending was looked through once for what others have left.
        self.has_looked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        every_s = min(_EVERY_S, self._idle_ms / 1_000 / _IN_AN_IDLE)
        name = f"keeping partition {self._share.partition}"
        await persist(stop, name, self.step, every_s=every_s)

    async def step(self) -> None:
        try:
            kept = await self._share.keep(self._report)
            await self._tell(kept)
            await self._take_over()
            self._round += 1
            if self._round % _ROUNDS_A_REAPING == 0:
                await self._share.group.reap(_GONE_MS)
        except GroupGone:
            await self._share.join(self._report)

    async def close(self) -> None:
        """The last reports, as far as they are to be had."""
        with suppress(GroupGone, StoreUnfit, *AWAY):
            await self._tell(await self._share.keep(self._report))

    async def _tell(self, kept: Kept) -> None:
        """Reports what the group has missed, and only then notes that it was reported."""
        group, partition = self._membership.group, self._share.partition
        if kept.expired > kept.told:
            self._report(Missed(group, partition, "expired", entries=kept.expired - kept.told))
        if kept.trimmed_to:
            self._report(Missed(group, partition, "trimmed", until=kept.trimmed_to))
        if kept.expired > kept.told or kept.trimmed_to:
            await self._share.keep(self._report, kept.expired, kept.trimmed_to)

    async def _take_over(self) -> None:
        """Takes what others have left, as much as there is space for."""
        while count := self._share.hand.space():
            claim = await self._share.group.claim(self._idle_ms, count)
            await self._share.admit(claim.found)
            if self._share.group.has_looked_through:
                self.has_looked.set()
                return
