"""A proxy before a store that loses replies: the command is done, the answer never comes."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType

from messenger import embedded
from tests.private_store import PrivateStore


class Cutter:
    """`cut_replies(n, after=word)`: the next n times a command with the word has gone through, the
    connection is cut before its reply."""

    def __init__(self, store: PrivateStore) -> None:
        self._target = str(embedded.socket_path(store.data_dir))
        self._folder = Path(tempfile.mkdtemp(prefix="messenger-cut-"))
        self.url = f"unix://{self._folder}/socket"
        self._to_cut = 0
        self._word = b""
        self.was_cut = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_replies(self, count: int, after: bytes) -> None:
        self._to_cut, self._word = count, after

    async def __aenter__(self) -> "Cutter":
        self._server = await asyncio.start_unix_server(self._serve, self._folder / "socket")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        (self._folder / "socket").unlink(missing_ok=True)
        self._folder.rmdir()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        store_reader, store_writer = await asyncio.open_unix_connection(self._target)
        back = asyncio.ensure_future(_copy(store_reader, writer))
        try:
            while data := await reader.read(65_536):
                cut = self._to_cut > 0 and self._word in data
                if cut:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                store_writer.write(data)
                await store_writer.drain()
                if cut:
                    self._to_cut -= 1
                    self.was_cut += 1
                    await store_reader.read(1)  # it was done
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            back.cancel()
            for each in (writer, store_writer):
                each.close()
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
