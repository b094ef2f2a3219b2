"""Several web workers under their supervisor, as an operator runs them, and what they say together."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.commands import UNLIMITED, Commands, Running
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.waiting import wait_until


def workers_of(pid: int, program: str = "--as-worker") -> dict[int, int]:
    """The processes of a supervisor's workers by their numbers; of two in one place the younger. Each
    has the program's name among its words, and its number, line and sockets as the last three."""
    found = {}
    for child in sorted(Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), key=int):
        # One that has just ended has no words any more, and one that just begins is still named as its
        # supervisor.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = Path(f"/proc/{child}/cmdline").read_text().rstrip("\0").split("\0")
            if program in words:
                found[int(words[-3])] = int(child)
    return found


class Supervised(Messenger):
    """A messenger of several workers. A question to `anyone` has a connection of its own, so that any
    of them may answer it."""

    def __init__(self, running: Running, url: str, session: aiohttp.ClientSession) -> None:
        super().__init__(None, url, session, lambda: None)
        self.running = running

    def workers(self) -> dict[int, int]:
        """The process of each worker by its number; of two in one place that which came last."""
        return workers_of(self.running.pid)

    async def anyone(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session,
            session.get(self.url + path) as response,
        ):
            return response.status, await response.text()

    async def figure(self, name: str, of: str = "") -> float:
        """A figure of /metrics, as anyone tells it; the sum of all that have these labels."""
        status, text = await self.anyone("/metrics")
        assert status == 200, text
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M)
        return sum(float(value) for labels, value in found if of in labels)

    async def health(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.anyone("/health/ready"))[1])
        return found

    async def caught_up(self) -> None:
        """Waits for the worker to have swept, so that all is well."""

        async def is_ready() -> bool:
            return bool((await self.health())["status"] == "ready")

        await wait_until(is_ready, "all is well", seconds=20)

    def on(self, session: aiohttp.ClientSession) -> "Supervised":
        """The same for another client."""
        return Supervised(self.running, self.url, session)

    async def all_serve(self, count: int) -> None:
        async def serve() -> bool:
            return await self.figure("messenger_web_workers") == count

        await wait_until(serve, f"{count} workers serve", seconds=20)


@contextlib.asynccontextmanager
async def supervised(
    store: PrivateStore, count: int, **environment: str
) -> AsyncIterator[Supervised]:
    """So many web workers, and a worker for the rest, on a store; all ended afterwards."""
    settings = {"MESSENGER_PORT": "0", **UNLIMITED, **environment}
    async with (
        Commands(MESSENGER_STORE_URL=store.url, **settings) as commands,
        aiohttp.ClientSession() as session,
    ):
        await commands.start("worker")
        running = await commands.start("web", "--workers", str(count))
        line = await running.line()
        assert line.startswith("Messenger is on http://127.0.0.1:"), line
        made = Supervised(running, line.removeprefix("Messenger is on "), session)
        await made.caught_up()
        yield made
