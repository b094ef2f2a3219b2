"""Another program that handles events: it is given each as a line on its standard input."""

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence

import click

from messenger.cli.output import OutputClosed
from messenger.cli.writer import Writer
from messenger.errors import OutputFailed
from messenger.settings import environment_with

# What is kept of its last words, in bytes.
_TAIL = 2_000
# Something that it left behind may hold its standard error open.
_LAST_WORDS_S = 0.5
_STDERR = 2


class ProgramFailed(Exception):
    """It could not handle an event: `how` says so in a word or two, and as text it has also what the
    program said last."""

    def __init__(self, how: str, said: str = "") -> None:
        super().__init__(f"{how}: {said}" if said else how)
        self.how = how


class Program:
    """A process for each event: the event's line on its standard input, and the input's end. It has done
    its work when it ends with 0. Its output is ours, and so is its standard error.

    Raises click.UsageError where there is no such program.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if shutil.which(words[0]) is None:
            raise click.UsageError(f"there is no program {words[0]!r} that could be run")
        self._words = words
        self._errors = Writer(_STDERR, "standard error")
        self._never = asyncio.Event()

    async def run(self, line: bytes, traceparent: str | None = None) -> None:
        """Raises ProgramFailed if it could not handle the event. The trace that the event belongs to, if
        there is one, is in the environment, where OpenTelemetry has it: TRACEPARENT."""
        tail = bytearray()
        async with self._hearing(tail) as errors:
            try:
                # Its own process group: Ctrl-C asks us to stop, and lets it finish what it has begun.
                process = await asyncio.create_subprocess_exec(
                    *self._words,
                    stdin=PIPE,
                    stderr=errors,
                    process_group=0,
                    env=environment_with("TRACEPARENT", traceparent),
                )
            except OSError as error:
                raise ProgramFailed(f"can't be run: {error.strerror or error}") from None
            finally:
                os.close(errors)
            try:
                await _give(process, line)
                await process.wait()
            finally:
                await _end(process)
        if process.returncode != 0:
            said = tail.decode(errors="replace").strip()
            raise ProgramFailed(_how(process.returncode or 0), said)

    @contextlib.asynccontextmanager
    async def _hearing(self, tail: bytearray) -> AsyncIterator[int]:
        """A descriptor for its standard error: what comes there is passed on, and the end of it kept. A
        pipe of ours, and not asyncio's: something that it leaves behind may hold it open."""
        ours, its = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
        )
        hearing = asyncio.create_task(self._hear(reader, tail))
        try:
            yield its
            await asyncio.wait({hearing}, timeout=_LAST_WORDS_S)
        finally:
            hearing.cancel()
            transport.close()

    async def _hear(self, reader: asyncio.StreamReader, tail: bytearray) -> None:
        while said := await reader.read(65_536):
            tail += said
            del tail[:-_TAIL]
            with contextlib.suppress(OutputClosed, OutputFailed):  # nobody listens
                await self._errors.write(said, self._never)


async def _give(process: Process, line: bytes) -> None:
    """It need not read what it is given."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(line)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()


async def _end(process: Process) -> None:
    """Asks one to end that still runs: we were told to end at once."""
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
        async with asyncio.timeout(_LAST_WORDS_S):
            await process.wait()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"
