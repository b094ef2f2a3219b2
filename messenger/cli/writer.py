"""Writing to a pipe that perhaps nobody reads, while everything else goes on."""

import asyncio
import contextlib
import os
import threading
from queue import SimpleQueue
from typing import Any

from messenger.cli.output import OutputClosed
from messenger.errors import OutputFailed

# A stop waits so long for what is being written: who goes on after it would print it twice.
_LINGER_S = 0.2

_Written = asyncio.Future[None]


class Writer:
    """Writes to a descriptor by a thread of its own. One that waits for a reader at the end of the
    process ends with it."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._given: SimpleQueue[tuple[bytes, _Written] | None] = SimpleQueue()
        threading.Thread(target=self._write_all, daemon=True, name=f"writing {name}").start()

    async def write(self, data: bytes, stop: asyncio.Event) -> bool:
        """Whether it was written; False if the stop came first. Raises OutputClosed where the reader has
        gone, OutputFailed where it can't be written."""
        written: _Written = self._loop.create_future()
        self._given.put((data, written))
        stopping = asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {written, stopping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await asyncio.wait({written}, timeout=_LINGER_S)
        if written.cancel():
            return False
        try:
            written.result()
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            raise OutputFailed(
                f"{self._name} can't be written: {error.strerror or error}"
            ) from None
        return True

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
                self._loop.call_soon_threadsafe(_settle, written, error)


def _settle(written: _Written, error: OSError | None) -> None:
    if written.cancelled():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
