"""One connection shared by all callers: what they ask in a turn of the event loop leaves in few writes.

The hot path of posting. A command costs one future: no task, no lock, no connection checked out, which
is what makes a pool cost more than half of a small handler.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import hiredis

from messenger.address import Address, Argument
from messenger.errors import StoreUnavailable
from messenger.loops import Backoff, look_at
from messenger.replies import Lost, NoScript, Rejected, Reply, Soon, error_of
from messenger.scripts import Script
from messenger.where import Fixed, Where

# Is handed a good reply as it comes, and the future of its caller, to settle it now or later.
Settle = Callable[[asyncio.Future[Reply], Reply], None]

# A store that says nothing for so long while it owes replies is taken for dead.
SILENCE_S = 1.5
CONNECT_S = 1.0
# A store that can't be reached is tried again after this, however many wait for it; doubled to a cap.
_AGAIN_S, _AGAIN_CAP_S = 0.02, 0.5
# So many commands leave before the turn is over: the store works on them while we make the next.
_BURST = 4
# How long one call tries again before its caller is told: a post is answered within three seconds.
PATIENCE_S = 2.5


class Pipe:
    """Sends commands in the order of the calls and hands each caller its reply."""

    def __init__(self, where: Where | str, silence_s: float = SILENCE_S) -> None:
        self._where = Fixed(Address.parse(where)) if isinstance(where, str) else where
        self._silence_s = silence_s
        self._wire: Wire | None = None
        # That of the last `once`, unless it was in vain.
        self._used: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None
        self._not_before = 0.0
        self._pauses = Backoff(first_s=_AGAIN_S, cap_s=_AGAIN_CAP_S)
        self._closed = False

    async def call(self, *command: Argument) -> Reply:
        """The reply of a command that may safely be done twice: a lost reply is asked for again."""
        wire, deadline = self._wire, asyncio.get_running_loop().time() + PATIENCE_S
        if wire is not None and wire.is_open:
            try:
                return await wire.send(command)
            except (Lost, Soon):
                pass
        return await self._persevere(command, deadline)

    async def once(self, *commands: tuple[Argument, ...]) -> list[Reply]:
        """The replies of commands sent in one write; raises Lost where one of them was lost, for the
        caller to know that it may have been done. It is raised, too, where the connection is not that
        of the time before: the store may have come back with less, or be another server."""
        used, self._used = self._used, None
        wire = await self._connect()
        if used is not None and used is not wire:
            raise Lost("the connection to the store is another one by now")
        replies = [wire.send(command) for command in commands]
        try:
            # Replies come in the order of the commands: after the last there are all.
            await asyncio.wait(replies[-1:])
        finally:
            for reply in replies:
                reply.cancel()  # none but those of a caller that gave up
        errors = [reply.exception() for reply in replies]
        for error in errors:
            if error is not None:
                raise error
        self._used = wire
        return [reply.result() for reply in replies]

    async def run(
        self,
        script: Script,
        keys: Sequence[Argument],
        args: Sequence[Argument],
        settle: Settle | None = None,
    ) -> Reply:
        """The reply of a script. Every script may be run twice: append by its key, the others by
        what they check. `settle` is left out where the first try fails."""
        rest = (len(keys), *keys, *args)
        wire, deadline = self._wire, asyncio.get_running_loop().time() + PATIENCE_S
        try:
            # As `call` does, without another coroutine.
            if wire is not None and wire.is_open:
                try:
                    return await wire.send((b"EVALSHA", script.sha, *rest), settle)
                except (Lost, Soon):
                    pass
            return await self._persevere((b"EVALSHA", script.sha, *rest), deadline)
        except NoScript:
            return await self.call(b"EVAL", script.source, *rest)

    async def connected(self) -> "Wire":
        """The connection, for those who share it."""
        return await self._connect()

    @property
    def is_closed(self) -> bool:
        return self._closed

    async def server(self) -> str:
        """The name of the server that it leads to."""
        return (await self._where.find()).name

    async def close(self) -> None:
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreUnavailable):
                await self._connecting
        if self._wire is not None:
            self._wire.close()

    async def _persevere(self, command: tuple[Argument, ...], deadline: float) -> Reply:
        """Connects and sends, again and again, for as long as the caller's patience lasts."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(first_s=0.05, cap_s=0.5)
        why = "the store does not answer"
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await (await self._connect()).send(command)
            except TimeoutError:
                raise StoreUnavailable(why) from None
            except (Lost, Soon) as error:
                why, wait = error.detail, backoff.next_s()
                if loop.time() + wait >= deadline or self._closed:
                    raise StoreUnavailable(why) from None
                await asyncio.sleep(wait)

    async def _connect(self) -> "Wire":
        """The open connection; all who wait for a new one wait for the same."""
        address = await self._where.find()
        if self._wire is not None and self._wire.is_open and self._wire.address == address:
            return self._wire
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._open_in_turn())
            self._connecting.add_done_callback(look_at)
        # A caller that gives up must not take the connection from the others.
        return await asyncio.shield(self._connecting)

    async def _open_in_turn(self) -> "Wire":
        """Opens a connection, but not at once after one that could not be opened: a thousand callers
        that wait for a store knock no more often than one."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._not_before - loop.time())
        try:
            wire = await self._open()
        except StoreUnavailable:
            self._not_before = loop.time() + self._pauses.next_s()
            raise
        self._pauses.reset()
        return wire

    async def _open(self) -> "Wire":
        address = await self._where.find()
        wire = Wire(self._silence_s, address, self._where)
        try:
            async with asyncio.timeout(CONNECT_S):
                await address.dial(wire)
                replies = [await wire.send(command) for command in address.greeting()]
            if address.is_told and b"master" not in replies[-1]:
                raise Soon("the store is not ready: its server is no primary yet")
        except (OSError, TimeoutError) as error:
            wire.close()
            self._where.doubt(address)
            raise Lost(f"the store can't be reached ({type(error).__name__})") from None
        except Rejected as error:
            # A password that it does not want, a database that it has not, too many clients.
            wire.close()
            raise StoreUnavailable(f"the store refuses: {error}") from None
        except BaseException:
            wire.close()
            raise
        if self._wire is not None:
            self._wire.close()
        self._wire = wire
        return wire


class Wire(asyncio.Protocol):
    """One connection's life: commands out in bursts, replies in, in the same order."""

    def __init__(self, silence_s: float, address: Address, where: Where) -> None:
        self.address = address
        self._where = where
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._reader = hiredis.Reader()
        self._owed: deque[tuple[asyncio.Future[Reply], Settle | None]] = deque()
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their shape only.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def send(
        self, command: tuple[Argument, ...], settle: Settle | None = None
    ) -> asyncio.Future[Reply]:
        """The reply, to be awaited: raises Lost, Soon, NoScript, StoreFull or StoreUnavailable."""
        reply: asyncio.Future[Reply] = self._loop.create_future()
        if not self.is_open:
            reply.set_exception(Lost("the connection to the store is closed"))
            return reply
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # any length
        if len(self._out) == _BURST:
            self._flush()
        if not self._owed:
            self._begin_watch()
        self._owed.append((reply, settle))
        return reply

    def _flush(self) -> None:
        if self._out and self._transport is not None and self.is_open:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._settle(reply)
        except hiredis.ProtocolError:
            self.close()

    def _settle(self, reply: Reply) -> None:
        waiting, settle = self._owed.popleft()
        if waiting.done():  # its caller gave up
            return
        if isinstance(reply, hiredis.ReplyError):
            waiting.set_exception(self._error_of(reply))
        elif settle is not None:
            settle(waiting, reply)
        else:
            waiting.set_result(reply)

    def _error_of(self, reply: Exception) -> Exception:
        if self._where.doubt(self.address, str(reply)):
            return Soon(f"the store is not ready: {str(reply).split(' ', 1)[0]}")
        return error_of(reply)

    def _begin_watch(self) -> None:
        self._heard_at = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(self._silence_s, self._look)

    def _look(self) -> None:
        """Ends a connection whose other end has gone silent: TCP alone would wait for minutes."""
        self._watch = None
        if not self._owed or not self.is_open:
            return
        silent_s = self._loop.time() - self._heard_at
        if silent_s >= self._silence_s:
            self._where.doubt(self.address)
            self.close()
        else:
            self._watch = self._loop.call_later(self._silence_s - silent_s, self._look)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end()

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_open:
            self._where.doubt(self.address)
        self._end()

    def _end(self) -> None:
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
        while self._owed:
            waiting, _ = self._owed.popleft()
            if not waiting.done():
                waiting.set_exception(Lost("the connection to the store was lost"))
