"""Runs the embedded store's server for as long as we run, and starts it again when it dies."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from messenger import embedded
from messenger.connection import Store
from messenger.errors import StoreUnavailable, StoreUnfit
from messenger.loops import Backoff, pause
from messenger.settings import Settings

log = logging.getLogger(__name__)

_READY_S = 60.0  # an append-only file of a million messages loads in a few seconds
_STOP_S = 10.0
_LOOK_S = 0.01
_LAST_LINES = 3
# A server that lived for so long was well; its next death is not the same illness.
_WELL_S = 5.0
_DEATHS = 5


class Supervisor:
    """One server in one folder, with the folder's lock."""

    def __init__(self, settings: Settings, server: Path, lock: int) -> None:
        self._folder = settings.data_dir / "store"
        self._command = embedded.command(server, settings, self._folder)
        self._url = embedded.socket_url(settings.data_dir)
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None
        self._said = 0
        self.restarts = 0

    async def start(self) -> None:
        """Starts the server and waits until it answers."""
        embedded.clean(self._folder)
        with contextlib.suppress(OSError):
            self._said = (self._folder / "server.log").stat().st_size
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(self._lock,),
            # Ctrl-C goes to us alone; the server is stopped last.
            start_new_session=True,
            preexec_fn=embedded.die_with_parent,
        )
        await self._ready(self._process)

    async def run(self, stop: asyncio.Event) -> None:
        """Starts the server again whenever it dies; gives up, loudly, when it keeps dying."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(first_s=0.05)
        while True:
            began = loop.time()
            if await self._died(stop):
                backoff = Backoff(first_s=0.05) if loop.time() - began > _WELL_S else backoff
                await self._start_again(stop, backoff)
            else:
                return

    async def stop(self) -> None:
        """Stops the server, which syncs its file first; the lock is free when it has ended."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _died(self, stop: asyncio.Event) -> bool:
        """Waits for the server's death or the stop; whether it was its death."""
        assert self._process is not None
        death = asyncio.ensure_future(self._process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({death, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not death.done():
            death.cancel()
            return False
        return not stop.is_set()

    async def _start_again(self, stop: asyncio.Event, backoff: Backoff) -> None:
        assert self._process is not None
        if backoff.tries >= _DEATHS:
            raise StoreUnfit(self._why(f"died {_DEATHS} times in a row"))
        log.error("the embedded store died (exit %s); starting it again", self._process.returncode)
        await pause(stop, backoff.next_s())
        self.restarts += 1
        try:
            await self.start()
        except StoreUnfit:
            # One that died while it started is one more death; one that hangs is past our help.
            if self._process.returncode is None:
                raise

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_S
        async with Store(self._url) as store:
            while process.returncode is None:
                try:
                    await store.pipe.once(("PING",))
                except StoreUnavailable:
                    if asyncio.get_running_loop().time() > deadline:
                        break
                    await asyncio.sleep(_LOOK_S)
                else:
                    return
        raise StoreUnfit(self._why("does not start"))

    def _why(self, what: str) -> str:
        """The server's own last words of this start stand in its log; its warnings are about other
        things."""
        words: list[str] = []
        with contextlib.suppress(OSError):
            said = (self._folder / "server.log").read_bytes()[self._said :].decode(errors="replace")
            lines = [line.strip() for line in said.splitlines() if "# WARNING" not in line]
            words = [line for line in lines if line][-_LAST_LINES:]
        code = self._process.returncode if self._process is not None else None
        return f"the embedded store {what} (exit {code}): {' '.join(words) or 'no word in its log'}"


@contextlib.asynccontextmanager
async def supervised(settings: Settings) -> AsyncIterator[Supervisor]:
    """The embedded store of the settings' data folder, started; stopped and let go at the end."""
    server = embedded.find_server()
    embedded.private_folder(settings.data_dir)
    embedded.private_folder(settings.data_dir / "store")
    embedded.private_folder(embedded.socket_path(settings.data_dir).parent)
    lock = await embedded.lock(settings.data_dir)
    supervisor = Supervisor(settings, server, lock)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.stop()
        os.close(lock)
