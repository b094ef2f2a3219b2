"""Commands and processes of their own, as people start them: in a clean environment, and ended."""

import asyncio
import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from messenger import embedded
from messenger.settings import PREFIX
from tests.waiting import wait_until

# For whose one client stands for many.
UNLIMITED = {
    "MESSENGER_POST_RATE": "off",
    "MESSENGER_ROOM_RATE": "off",
    "MESSENGER_NEW_ROOM_RATE": "off",
}
_LINE_S = 15.0
_END_S = 15.0


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    def one_line(self) -> str:
        """Its words on standard error, which must be a single line without a traceback."""
        (line,) = self.err.splitlines()
        assert line.startswith("messenger: "), line
        return line


class Running:
    """A process that lives until it is told to end; its standard error is kept."""

    def __init__(self, process: asyncio.subprocess.Process, errors: int) -> None:
        self._process = process
        self._errors = errors

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def line(self) -> str:
        """The next line on standard output; the test fails with the process's last words if it ends
        without one."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_LINE_S):
            raw = await self._process.stdout.readline()
        assert raw, f"the process ended without a word: {self.errors()}"
        return raw.decode().rstrip("\n")

    async def lines(self) -> AsyncIterator[str]:
        """The lines on standard output as they come, until its end; one that breaks off is none."""
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            if raw.endswith(b"\n"):
                yield raw.decode().rstrip("\n")

    def hold_output(self) -> None:
        """Lets it write a few thousand bytes more, and then wait in the middle of a line, until it is
        heard again."""
        output = self._process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        output.pause_reading()
        fcntl.fcntl(output.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, 4_096)

    def hear_output(self) -> None:
        self._process._transport.get_pipe_transport(1).resume_reading()  # type: ignore[attr-defined]

    def errors(self) -> str:
        """What it has written to standard error so far."""
        return os.pread(self._errors, 1_000_000, 0).decode()

    def has_output(self) -> bool:
        """Whether there is something that `line` will give."""
        return bool(self._process.stdout._buffer)  # type: ignore[union-attr]

    def close_output(self) -> None:
        """Stops reading, as `head` does."""
        output = self._process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        output.close()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; the exit code."""
        self.signal(number)
        return await self.ended()

    def signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Waits for an end that comes by itself; the exit code."""
        async with asyncio.timeout(_END_S):
            await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode

    async def wait(self) -> int:
        """Waits for the end, whoever brings it about; the exit code."""
        return await self._process.wait()

    async def close(self) -> None:
        await self.end(signal.SIGKILL)
        os.close(self._errors)


class Commands:
    """Runs commands for one test, beside a data folder of their own. At its end nothing is left: no
    process, no store, no folder."""

    def __init__(self, **environment: str) -> None:
        # Not pytest's folder: a socket's path must be short.
        self.data_dir = Path(tempfile.mkdtemp(prefix="messenger-test-"))
        outside = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        self._environment = {
            **outside,
            "PYTHONWARNINGS": "default",
            "MESSENGER_DATA_DIR": str(self.data_dir),
            **environment,
        }
        self._running: list[Running] = []

    async def run(self, *words: str, given: bytes = b"", **environment: str) -> Done:
        """Runs `messenger` with these words to its end; `given` is its standard input."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "messenger", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._environment, **environment},
        )
        try:
            async with asyncio.timeout(_END_S):
                out, err = await process.communicate(given)
        except TimeoutError:
            process.kill()
            _, err = await process.communicate()
            raise AssertionError(f"messenger {words} does not end: {err.decode()}") from None
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def start(self, *words: str, **environment: str) -> Running:
        """Starts `messenger` with these words and leaves it running."""
        return await self.start_python("-m", "messenger", *words, **environment)

    async def start_python(self, *words: str, **environment: str) -> Running:
        return await self.start_program(sys.executable, *words, **environment)

    async def start_program(self, *words: str, **environment: str) -> Running:
        errors, path = tempfile.mkstemp(prefix="messenger-test-errors-")
        os.unlink(path)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**self._environment, **environment},
        )
        running = Running(process, errors)
        self._running.append(running)
        return running

    def servers(self) -> list[int]:
        """The processes that work in the data folder: its store's server, if it runs, and not what that
        has made for a rewrite of its file."""
        found = dict(_working_in(self.data_dir))
        return [pid for pid, parent in found.items() if parent not in found]

    async def __aenter__(self) -> "Commands":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for running in self._running:
            await running.close()
        for pid in self.servers():
            kill(pid)
        await wait_until(lambda: not self.servers(), "the folder's server has ended")
        shutil.rmtree(self.data_dir)
        far = embedded.socket_path(self.data_dir).parent
        assert far == self.data_dir / "store", "a socket was left outside of the folder"


def kill(pid: int) -> None:
    """kill -9, also of a process that is frozen."""
    os.kill(pid, signal.SIGKILL)


def _working_in(folder: Path) -> Iterator[tuple[int, int]]:
    """Each process, and its parent."""
    for found in Path("/proc").glob("[0-9]*"):
        try:
            working = Path(os.readlink(found / "cwd"))
            # After the name, which stands in brackets: the state, and then the parent (proc(5)).
            parent = int((found / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended meanwhile, or not ours
            continue
        if working.is_relative_to(folder):
            yield int(found.name), parent
