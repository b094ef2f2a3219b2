"""A messenger as an operator runs it: a store, web processes and workers, each behind its own proxy."""

import asyncio
import contextlib
import os
import random
import signal
import socket
from contextlib import AsyncExitStack
from types import TracebackType
from typing import ClassVar

from tests.commands import UNLIMITED, Commands, Running
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore

# A process that ended for want of its store is started again after this, as a service manager does.
_AGAIN_S = 0.2
_STORE_AWAY = 3  # the exit code that says so


class Member:
    """One of our processes: killed, frozen, and started again for as long as it is wanted."""

    def __init__(
        self, commands: Commands, words: tuple[str, ...], name: str, **environment: str
    ) -> None:
        self.name = name
        self.url = ""
        self._commands = commands
        self._words = words
        self._environment = environment
        self._running: Running | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._was_told = False
        self.complaints: list[str] = []

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    async def start(self) -> None:
        """Starts it. One that finds no store ends, and is started again until it finds one."""
        self._was_told = False
        self._running = await self._commands.start(*self._words, **self._environment)
        self._keeper = asyncio.create_task(self._keep(self._running))
        if self._words != ("worker",):
            with contextlib.suppress(AssertionError):
                self.url = (await self._running.line()).rpartition(" ")[2]

    async def kill(self) -> None:
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it; its exit code. A traceback among its last words is complained of."""
        assert self._running is not None
        assert self._keeper is not None
        self._was_told = True
        self._signal(signal.SIGCONT)
        code = await self._running.end(number)
        await self._keeper
        return code

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def errors(self) -> str:
        assert self._running is not None
        return self._running.errors()

    def _signal(self, number: signal.Signals) -> None:
        assert self._running is not None
        if self._running.is_alive:
            os.kill(self._running.pid, number)

    async def _keep(self, running: Running) -> None:
        """Looks at its end: one that nobody asked for is a defect, unless there was no store to start
        on; so are words that only a mistake of ours makes."""
        code = await running.wait()
        words = running.errors()
        if code == _STORE_AWAY and not self._was_told:
            await asyncio.sleep(_AGAIN_S)
            await self.start()
        elif "Traceback" in words or "never retrieved" in words:
            self.complaints.append(f"{self.name} left a traceback: {words[-2_000:]}")
        elif not self._was_told:
            self.complaints.append(f"{self.name} ended by itself ({code}): {words[-500:]}")


class Site:
    """Two web processes and two workers on one store. `proxies` are by the processes' names. With
    `web_workers` each of the web processes is a supervisor with so many."""

    # Settings of all processes.
    environment: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        rng: random.Random,
        window: str = "60s",
        durability: str = "everysec",
        web_workers: int = 0,
    ) -> None:
        self.rng = rng
        self._web = ("web", "--workers", str(web_workers)) if web_workers else ("web",)
        self.store = PrivateStore(durability=durability)
        self.proxies: dict[str, Proxy] = {}
        self.members: dict[str, Member] = {}
        # By how much the store's clock is set wrong now.
        self.clock_ms = 0
        self._window = window
        self._stack = AsyncExitStack()

    @property
    def webs(self) -> list[Member]:
        return [member for name, member in self.members.items() if name.startswith("web")]

    @property
    def workers(self) -> list[Member]:
        return [member for name, member in self.members.items() if name.startswith("worker")]

    def complaints(self) -> list[str]:
        return [words for member in self.members.values() for words in member.complaints]

    def point_to(self, store: PrivateStore) -> None:
        """From now on every new connection goes to another store, as after a failover."""
        self._stack.callback(store.remove)
        self.store = store
        for proxy in self.proxies.values():
            proxy.target = store.socket
            proxy.reset()

    async def __aenter__(self) -> "Site":
        try:
            await self._build(await self._stack.enter_async_context(Commands()))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _build(self, commands: Commands) -> None:
        self._stack.callback(self.store.remove)
        self.store.start()
        for name in ("web1", "web2", "worker1", "worker2"):
            proxy = await self._stack.enter_async_context(Proxy(self.store.socket))
            self.proxies[name] = proxy
            self.members[name] = Member(
                commands,
                self._web if name.startswith("web") else ("worker",),
                name,
                MESSENGER_STORE_URL=proxy.url,
                MESSENGER_WINDOW=self._window,
                **self.environment,
                **UNLIMITED,
                **({"MESSENGER_PORT": str(free_port())} if name.startswith("web") else {}),
            )
        await self._start_members()

    async def _start_members(self) -> None:
        """The first sets the store up, the others find it."""
        await self.members["web1"].start()
        await asyncio.gather(
            *(self.members[name].start() for name in ("web2", "worker1", "worker2"))
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for member in self.members.values():
            member._was_told = True
        await self._stack.aclose()

    async def stop(self) -> None:
        """Ends the processes as an operator does, all at once."""
        await asyncio.gather(*(member.end() for member in self.members.values()))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
