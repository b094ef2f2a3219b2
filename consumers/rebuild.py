"""The view from zero, beside the one that serves, and then in its place in one step, while everything
goes on.

From the begin on the projector applies entries to both views, and what is erased, expires or is swept
leaves both; so what was in the log before it is filled in once, and nothing has to be caught up with. A
rebuild that dies loses its lease: the old view serves, and what there is of the new one dies by itself.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from consumers.fold import Fold
from consumers.scan import ViewKey, view_keys
from consumers.view import changes
from messenger.address import Argument
from messenger.entries import START
from messenger.errors import RebuildLost, RebuildRunning
from messenger.keys import MINUTE_LIFE_MS, PROJECTOR
from messenger.log import Log, Logs
from messenger.loops import AWAY, Stopped, patiently
from messenger.replies import Reply
from messenger.scripts import Script, load

# Longer than a store takes to start again; who is away for longer begins anew.
LEASE_MS = 15_000
KEEP_EVERY_S = 2.0
_PATIENCE_S = 10.0
# How long the end of a rebuild that is not whole may take.
_LEAVE_S = 10.0
_BATCH = 500
# How much of it all is done after each part, by how long the parts take.
_TIDIED, _CARRIED, _FILLED = 0.05, 0.2, 0.9

_LEASE = load("consumers", "lease")
_BUILD = load("consumers", "build")
_FILL = load("consumers", "fill", parts=("views", "groups", "rows"))
_CARRY = load("consumers", "carry", parts=("views",))
_SWITCH = load("consumers", "switch", parts=("views",))
_TIDY = load("consumers", "tidy")


class Rebuild:
    """One rebuild of all partitions. `entries` is how many were gone through, `mended` how many counts
    were wrong; `done` how much of it all, from 0 to 1."""

    def __init__(self, logs: Logs, stop: asyncio.Event) -> None:
        self.entries = 0
        self.mended = 0
        self.done = 0.0
        self._logs = logs
        self._stop = stop
        self._word = secrets.token_hex(8)
        self._generation = secrets.token_hex(4)
        self._leased: list[Log] = []
        self._switched = 0
        self._is_tidy = False
        # The generation that serves, by partition.
        self._serving: dict[int, str] = {}

    async def run(self) -> bool:
        """Rebuilds; whether all partitions have their new view. A stop leaves the others their old one.

        Raises RebuildRunning where another one is at work, RebuildLost where the store has forgotten
        some of this one, LogReset, StoreFull and StoreUnavailable. Whatever ends it, each partition
        is served by a whole view, its old one or its new one.
        """
        keeping = asyncio.create_task(self._keep())
        try:
            await self._rebuild()
        except Stopped:
            pass
        finally:
            # A store that is away forgets the leases, and what was begun dies by itself.
            with contextlib.suppress(TimeoutError, RebuildLost, *AWAY):
                async with asyncio.timeout(_LEAVE_S):
                    await self._leave()
            keeping.cancel()
        return self._switched == len(self._logs.all)

    async def _leave(self) -> None:
        """Stops building, takes away what does not serve, and gives the leases back."""
        self._stop = asyncio.Event()  # this is done at a stop, too
        held = [log for log in self._leased if await self._lease(log, "leave") == 0]
        ours = {log.keys.partition for log in held}
        self._serving = {each: name for each, name in self._serving.items() if each in ours}
        if not self._is_tidy:
            await self._look_through(self._unlink, self.done, self.done)
        for log in held:
            await self._lease(log, "end")

    async def _rebuild(self) -> None:
        for log in self._logs.all:
            await self._take(log)
        await self._look_through(self._unlink, 0.0, _TIDIED)
        for log in self._logs.all:
            await self._begin(log)
        await self._look_through(self._carry, _TIDIED, _CARRIED)
        for number, log in enumerate(self._logs.all):
            await self._fill(log, number)
        await self._look_through(self._unlink, _FILLED, 1.0)
        self._is_tidy = True

    async def _take(self, log: Log) -> None:
        """Takes the lease, before anything is done to any partition."""
        left = await self._lease(log, "take")
        if left:
            raise RebuildRunning(
                "another rebuild is at work; one that died is forgotten after "
                f"{-(-left // 1_000)} s"
            )
        self._leased.append(log)
        serving = await self._patiently(partial(log.store.pipe.call, "HGET", log.keys.meta, "view"))
        self._serving[log.keys.partition] = (serving or b"").decode()

    async def _begin(self, log: Log) -> None:
        args: list[Argument] = [self._word, self._generation]
        _kept(await self._run(log, _BUILD, [log.keys.meta], args) == 1)

    async def _fill(self, log: Log, number: int) -> None:
        """Fills a partition's new view with what the log has, mends the counts, and switches."""
        keys, parts = [log.keys.log, log.keys.meta], len(self._logs.all)
        fold, filled_to = Fold(log, self._stop), START
        await fold.begin()
        while entries := await fold.next():
            span = (str(filled_to), str(fold.position))
            args: list[Argument] = [self._word, self._generation, LEASE_MS, *span, PROJECTOR]
            args += (str(entries[0].id), str(entries[-1].id), *changes(entries))
            _kept(await self._run(log, _FILL, keys, args) >= 0)
            filled_to = fold.position
            self.entries += len(entries)
            self.done = _CARRIED + (_FILLED - _CARRIED) * (number + fold.done) / parts
        wrong = await fold.wrong_counts()
        args = [self._word, self._generation, str(filled_to), LEASE_MS, MINUTE_LIFE_MS]
        for each in wrong:
            args += [each.minute, each.name, each.expected - each.found]
        _kept(await self._run(log, _SWITCH, keys, args) == 1)
        self._serving[log.keys.partition] = self._generation
        self._switched += 1
        self.mended += len(wrong)

    async def _carry(self, keys: Iterable[ViewKey]) -> None:
        """Carries over the words of the old view that the log can't tell."""
        names: dict[int, list[bytes]] = {}
        for key in keys:
            if key.kind == "message" and key.generation == self._serving.get(key.partition):
                names.setdefault(key.partition, []).append(key.name)
        for partition, found in names.items():
            log = self._logs.all[partition]
            for at in range(0, len(found), _BATCH):
                args: list[Argument] = [self._word, self._generation, LEASE_MS]
                args += found[at : at + _BATCH]
                keys_ = [log.keys.log, log.keys.meta]
                _kept(await self._run(log, _CARRY, keys_, args) >= 0)

    async def _unlink(self, keys: Iterable[ViewKey]) -> None:
        """Takes away what there is of views that do not serve: of the old one, or of a rebuild that
        died."""
        old: dict[int, list[Argument]] = {}
        for key in keys:
            if self._serving.get(key.partition, key.generation) != key.generation:
                old.setdefault(key.partition, []).append(key.key)
        for partition, found in old.items():
            log = self._logs.all[partition]
            args: list[Argument] = [self._word, LEASE_MS]
            for at in range(0, len(found), _BATCH):
                keys_ = [log.keys.meta, *found[at : at + _BATCH]]
                _kept(await self._run(log, _TIDY, keys_, args) >= 0)

    async def _look_through(
        self, look: Callable[[Iterable[ViewKey]], Awaitable[None]], begun: float, ended: float
    ) -> None:
        async for keys, part in view_keys(self._logs.store, self._stop):
            await look(keys)
            self.done = begun + (ended - begun) * part
        self.done = ended

    async def _keep(self) -> None:
        """Keeps the leases while partitions wait for their turn."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            for log in self._leased:
                with contextlib.suppress(*AWAY):
                    await self._lease(log, "keep")

    async def _lease(self, log: Log, what: str) -> int:
        args: list[Argument] = [self._word, LEASE_MS, what]
        return int(await log.store.pipe.run(_LEASE, [log.keys.meta], args))

    async def _run(
        self, log: Log, script: Script, keys: Sequence[Argument], args: Sequence[Argument]
    ) -> int:
        return int(await self._patiently(partial(log.store.pipe.run, script, keys, args)))

    async def _patiently(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        return await patiently(self._stop, "rebuild", ask, for_s=_PATIENCE_S)


def _kept(is_kept: bool) -> None:
    if not is_kept:
        raise RebuildLost(
            "the store has forgotten some of the rebuild, or was away for too long; what serves is "
            "a whole view: run it again"
        )
