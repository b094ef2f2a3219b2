"""The projector's consumer group on one log: read new entries, reread our own, claim others'."""

import os
import socket
from collections.abc import Sequence
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from messenger.entries import Entry, read_entry
from messenger.keys import PROJECTOR
from messenger.log import Log
from messenger.pipe import Rejected
from messenger.scripts import load

BATCH = 500
# A stop waits for a read that blocks: cut off, it could leave entries pending. An idle group costs
# five calls a second.
_BLOCK_MS = 200
# Longer than a batch takes. If it is too short once, nothing is applied twice: the ack is the claim.
IDLE_MS = 2_000

_CLAIM = load("consumers", "claim")


class Claim(msgspec.Struct, frozen=True):
    """What was taken over from a consumer that stopped, and how many of its entries are no more."""

    entries: list[Entry]
    vanished: int


class Group:
    """Our consumer in the group. Its name is this process, so that two never share a pending list."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._key = log.keys.log
        self._reader = log.store.reader()
        self._client = log.store.client
        self.consumer = f"{socket.gethostname()}-{os.getpid()}"

    async def own(self) -> list[Entry]:
        """What was delivered to us before and not acked: a reply that was lost on its way."""
        return await self._read("0", None)

    async def new(self) -> list[Entry]:
        """Up to BATCH entries that no consumer was given yet; waits a moment for the first."""
        return await self._read(">", _BLOCK_MS)

    async def claim(self) -> Claim:
        """Takes over up to BATCH entries that others were given and have not acked for IDLE_MS."""
        reply = await self._log.store.pipe.run(
            _CLAIM,
            [self._key, self._log.keys.meta],
            [PROJECTOR, self.consumer, IDLE_MS, BATCH],
        )
        if not reply:
            await self._log.settle()
            return Claim([], 0)
        raw, vanished = reply
        return Claim([read_entry(each) for each in raw], vanished)

    async def drop_idle(self, idle_ms: int) -> None:
        """Forgets consumers that are gone for good. One with pending entries is kept: they would be
        lost with it."""
        try:
            consumers: Sequence[dict[str, Any]] = await self._client.xinfo_consumers(
                self._key, PROJECTOR
            )
        except ResponseError:  # flushed just now: the next read makes the group anew
            return
        for each in consumers:
            if each["pending"] == 0 and each["idle"] > idle_ms:
                await self._client.xgroup_delconsumer(self._key, PROJECTOR, each["name"])

    async def close(self) -> None:
        await self._reader.close()

    async def _read(self, after: str, block_ms: int | None) -> list[Entry]:
        """Never asked again by itself: a lost reply has delivered its entries to us all the same."""
        how = ("COUNT", BATCH) if block_ms is None else ("COUNT", BATCH, "BLOCK", block_ms)
        whom = ("GROUP", PROJECTOR, self.consumer)
        try:
            (streams,) = await self._reader.once(
                ("XREADGROUP", *whom, *how, "STREAMS", self._key, after)
            )
        except Rejected as error:
            await self._heal(error)
            return []
        return [read_entry(raw) for raw in streams[0][1]] if streams else []

    async def _heal(self, error: Rejected) -> None:
        """The log or its group is gone (flushed, deleted): a new history begins, read from its start.

        Redis 7.0 says UNBLOCKED where later ones say NOGROUP."""
        if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
            raise error
        await self._log.settle()
