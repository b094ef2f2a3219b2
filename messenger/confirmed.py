"""Writes that count only when replicas have them: a script, then WAIT on the same connection.

Whatever is asked while one group is on its way makes the next: one WAIT speaks for all of a group, so
replicas cost a round trip a group and not one a post.

WAIT speaks for what its own connection has written (valkey.io/commands/wait). A script that is run again
with the key of a post that is there writes nothing, and a WAIT after it would say yes to anything. So
each group ends with a write of ours, the mark: whoever has it has all that was before it.
"""

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from typing import NamedTuple

from messenger.address import Argument
from messenger.errors import StoreUnavailable, Unconfirmed
from messenger.loops import Backoff
from messenger.pipe import PATIENCE_S, Pipe, Settle, Wire
from messenger.replies import Lost, NoScript, Reply, Soon
from messenger.scripts import Script, load

# So long replicas may take. Whoever comes in the middle of it waits twice as long, and no longer than
# a post may take.
WAIT_MS = 1_000
MARK_LIFE_MS = 60_000
# Scripts' first words that say that something is as it was asked to be. What is refused was not written.
_DONE = (b"posted", b"seen", b"erased")
_MARK = load("messenger", "mark")


class _Asked(NamedTuple):
    command: tuple[Argument, ...]
    # Where the store does not know the script.
    whole: tuple[Argument, ...]
    reply: asyncio.Future[Reply]


class Confirmed:
    """Runs a partition's scripts, over a pipe of its own: WAIT holds up its connection. `guard` makes
    of a script what a store of this kind is given."""

    def __init__(
        self, pipe: Pipe, guard: Callable[[Script], Script], mark: str, replicas: int
    ) -> None:
        self._pipe = pipe
        self._guard = guard
        self._replicas = replicas
        self._mark = (b"EVAL", guard(_MARK).source, 1, mark, MARK_LIFE_MS)
        self._asked: list[_Asked] = []
        self._work: asyncio.Task[None] | None = None
        # What was wrong with the last group. It is never raised itself: a traceback would keep those
        # who asked, with their texts.
        self._trouble: Exception | None = None

    async def run(
        self,
        script: Script,
        keys: Sequence[Argument],
        args: Sequence[Argument],
        settle: Settle | None = None,
    ) -> Reply:
        """As Pipe.run, which may be run twice; a good reply is one that so many replicas have. Raises
        Unconfirmed where they do not say so: it may be done all the same. `settle` is left out."""
        script, rest = self._guard(script), (len(keys), *keys, *args)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked.append(
            _Asked((b"EVALSHA", script.sha, *rest), (b"EVAL", script.source, *rest), reply)
        )
        if self._work is None:
            self._work = asyncio.create_task(self._confirm_all())
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await reply
        except TimeoutError:
            why = self._trouble
            known = why if isinstance(why, StoreUnavailable) else None
            raise copy(known) or StoreUnavailable("the store does not answer") from None

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})
        await self._pipe.close()

    async def _confirm_all(self) -> None:
        backoff, group = Backoff(first_s=0.05, cap_s=0.5), list[_Asked]()
        try:
            while group := self._next():
                try:
                    await self._confirm(group, await self._pipe.connected())
                except (Lost, Soon) as error:
                    self._trouble = copy(error)
                    self._asked[:0] = group
                except Exception as error:  # told to those who have asked
                    _fail(group, error)
                if isinstance(self._trouble, Lost | Soon):
                    await asyncio.sleep(backoff.next_s())
                else:
                    backoff.reset()
        finally:
            self._work = None
            # There are any only where it was told to end.
            _fail([*group, *self._asked], StoreUnavailable("the store is closed"))

    def _next(self) -> list[_Asked]:
        """All who have asked and have not given up."""
        asked, self._asked = self._asked, []
        return [each for each in asked if not each.reply.done()]

    async def _confirm(self, group: list[_Asked], wire: Wire) -> None:
        """Where the last group was not confirmed, nothing is stored before it is known that this one
        can be."""
        if isinstance(self._trouble, Unconfirmed):
            self._trouble = await self._reach(wire, "nothing was stored for it now")
            if isinstance(self._trouble, Unconfirmed):
                _fail(group, self._trouble)
                return
        replies = [wire.send(each.command) for each in group]
        self._trouble = await self._reach(wire, "it may be stored all the same")
        for asked, reply in zip(group, replies, strict=True):
            self._settle(asked, reply, self._trouble)

    async def _reach(self, wire: Wire, fate: str) -> Exception | None:
        """Waits for the replicas to have all that was sent on this connection; what went wrong."""
        marked = wire.send(self._mark)
        told = wire.send((b"WAIT", self._replicas, WAIT_MS))
        await asyncio.wait((marked, told))
        for error in (marked.exception(), told.exception()):
            if isinstance(error, Exception):
                return copy(error)
        if told.result() >= self._replicas:
            return None
        has = "1 replica has" if self._replicas == 1 else f"{self._replicas} replicas have"
        return Unconfirmed(f"the store does not say that {has} it; {fate}")

    def _settle(
        self, asked: _Asked, reply: asyncio.Future[Reply], trouble: Exception | None
    ) -> None:
        """What was refused waits for no replica; what may be done or not is asked again."""
        error = reply.exception()
        if error is None and reply.result()[0] in _DONE:
            error = trouble
        if asked.reply.done():  # its caller gave up
            return
        if error is None:
            asked.reply.set_result(reply.result())
        elif isinstance(error, NoScript):
            self._asked.append(asked._replace(command=asked.whole))
        elif isinstance(error, Lost | Soon):
            self._trouble = copy(error)
            self._asked.append(asked)
        else:
            asked.reply.set_exception(copy(error))


def _fail(group: Sequence[_Asked], error: Exception) -> None:
    for asked in group:
        if not asked.reply.done():
            asked.reply.set_exception(copy(error))
