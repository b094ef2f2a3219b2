"""Redelivery: what a projector that stopped was given and never acked is taken over and applied."""

import asyncio
import logging

from consumers.dead import DeadLetters
from consumers.group import Group, GroupGone
from consumers.projector import project
from consumers.view import View
from messenger.log import Log
from messenger.loops import persist

log = logging.getLogger(__name__)

_EVERY_S = 1.0
# Longer than a batch takes. If it is too short once, nothing is applied twice: the ack is the claim.
IDLE_MS = 2_000
# A consumer's name is a process; one that is silent for so long does not come back.
_GONE_MS = 600_000
_ROUNDS_A_CLEARING = 60


class Redelivery:
    def __init__(self, of: Log, view: type[View] = View) -> None:
        self._log = of
        self._group = Group(of)
        self._view = view(of)
        self._dead = DeadLetters(of)
        self._round = 0

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "redelivery", self.step, every_s=_EVERY_S)
        await self._group.close()

    async def step(self) -> int:
        """Takes over and applies what was left, until nothing is; how many entries."""
        try:
            total = await self._take_over()
        except GroupGone:
            await self._log.settle()
            return 0
        self._round += 1
        if self._round % _ROUNDS_A_CLEARING == 0:
            await self._group.reap(_GONE_MS)
        return total

    async def _take_over(self) -> int:
        total = vanished = 0
        is_through = False
        while not is_through:
            claim = await self._group.claim(IDLE_MS)
            await project(self._view, self._dead, [pending.entry for pending in claim.found])
            total, vanished = total + len(claim.found), vanished + claim.vanished
            is_through = self._group.has_looked_through
        if vanished:
            log.warning("%d entries expired before they were applied", vanished)
        return total
