"""Standard output as a replay's sink: it may be a pipe that nobody reads, and a stop is heard all the
same."""

import asyncio
import contextlib
import os
import threading
from queue import SimpleQueue

from messenger import lines
from messenger.cli.output import OutputClosed
from messenger.entries import Entry
from messenger.errors import OutputFailed
from messenger.loops import Stopped, unless

# A stop waits so long for what is being written: who goes on after it would print it twice.
_LINGER_S = 0.2

_Written = asyncio.Future[int]


class Outlet:
    """Written by a thread of its own. One that waits for a reader at the end of the process ends with
    it."""

    def __init__(self, descriptor: int, stop: asyncio.Event) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._given: SimpleQueue[tuple[bytes, _Written] | None] = SimpleQueue()
        threading.Thread(target=self._write_all, daemon=True, name="outlet").start()

    async def write(self, entries: list[Entry]) -> int:
        data = lines.encode(entries)
        written: _Written = self._loop.create_future()
        self._given.put((data, written))
        try:
            await unless(self._stop, asyncio.wait({written}))
        except Stopped:
            # It may be done, and not have said so yet.
            await asyncio.wait({written}, timeout=_LINGER_S)
        if written.cancel():
            raise Stopped
        try:
            return written.result()
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            raise OutputFailed(
                f"standard output can't be written: {error.strerror or error}"
            ) from None

    def close(self) -> None:
        """No more comes; what waits for a reader is not waited for."""
        self._given.put(None)

    def _write_all(self) -> None:
        while given := self._given.get():
            data, written = given
            error, left = None, memoryview(data)
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError as caught:
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop ended while this thread waited
                self._loop.call_soon_threadsafe(_settle, written, len(data), error)


def _settle(written: _Written, count: int, error: OSError | None) -> None:
    if written.cancelled():
        return
    if error is None:
        written.set_result(count)
    else:
        written.set_exception(error)
