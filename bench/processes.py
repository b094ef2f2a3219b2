"""Processes that are measured: started, asked how much they used, stopped."""

import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bench.errors import BenchError
from messenger.settings import environment_with

_START_S = 300.0
_STOP_S = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def module(name: str, *args: str) -> list[str]:
    """The command of one of the bench's own programs, or of the messenger."""
    return [sys.executable, "-m", name, *args]


class Process:
    """One process; what it says on standard error is told if it ends too early."""

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process is
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=self._said,
            env={**environment_with("PYTHONUNBUFFERED", "1"), **(variables or {})},
            cwd=cwd,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def line(self) -> str:
        """The next line on its standard output. Raises BenchError where it ends before."""
        assert self._popen.stdout is not None
        ready, _, _ = select.select([self._popen.stdout], [], [], _START_S)
        line = self._popen.stdout.readline() if ready else b""
        if not line:
            raise BenchError(f"{self._popen.args!r} said nothing: {self._last_words()}")
        return line.decode().rstrip("\n")

    def ask(self) -> str:
        """Sends a line to its standard input; the next line that it says."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(b"\n")
        return self.line()

    def end(self) -> bytes:
        """Waits for it to end by itself; what it said. Raises BenchError where it failed."""
        said, _ = self._popen.communicate()
        if self._popen.returncode != 0:
            raise BenchError(f"{self._popen.args!r} failed: {self._last_words()}")
        return said

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
            try:
                self._popen.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                stream.close()
        self._said.close()

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-2_000:].decode(errors="replace").strip() or "no word"


def cpu_s(*pids: int) -> float:
    """The processor time that processes have used, all their threads: proc(5), ticks of 10 ms."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / _TICKS


def resident(pid: int) -> int:
    """The memory that a process holds, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


class Used:
    """The processor time that some processes use within a `with`; `share` is that of one core."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.cpu_s = self.wall_s = 0.0

    @property
    def share(self) -> float:
        return self.cpu_s / self.wall_s

    def __enter__(self) -> "Used":
        self._began = time.monotonic(), cpu_s(*self._pids)
        return self

    def __exit__(self, *_: object) -> None:
        began, before = self._began
        self.wall_s, self.cpu_s = time.monotonic() - began, cpu_s(*self._pids) - before


def allow_many_files() -> None:
    """As many connections as the system lets us have; the processes that are started inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
