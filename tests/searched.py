"""A `messenger up` that can be searched for a text: its store, its files, its memory, its words."""

import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import redis

from consumers.dead import DeadLetters
from messenger.connection import Store
from messenger.embedded import socket_path, socket_url
from messenger.entries import EntryId
from messenger.log import Logs
from messenger.settings import load
from tests.commands import UNLIMITED, Commands, Running
from tests.raw import KEYS, holders
from tests.serving import Messenger
from tests.waiting import wait_until

TOKEN = "o" * 32
_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
# In so long what is over is off the disk: a minute, made short.
_PROMISE_MS = 2_000
# Every way to be told of the messages of a room, each asked for on a connection of its own.
_ANSWERS = (
    "/api/rooms/lobby/messages",
    "/api/rooms/lobby/messages?limit=2",
    "/api/rooms/lobby/messages?limit=10000",
    "/api/rooms/lobby/messages?after=0-0&wait=10s",
    "/api/rooms/lobby/messages?before=9999999999999-0",
    "/api/rooms/lobby/messages?before=9999999999999-0&limit=10000",
    "/api/rooms/lobby/messages/{id}",
    "/api/replay?since=0-0",
    "/r/lobby",
    "/r/lobby?before=9999999999999-0",
)


class Searched(Messenger):
    """`readers` stay until it is closed; each is told of what was there when it came."""

    def __init__(
        self, running: Running, url: str, session: aiohttp.ClientSession, folder: Path
    ) -> None:
        super().__init__(None, url, session, lambda: None)
        self.running = running
        self.readers = contextlib.AsyncExitStack()
        self._folder = folder
        self._asked = _asked_in(folder)

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(socket_path(self._folder)), legacy_responses=False)

    def in_store(self, secret: str) -> list[str]:
        with self.client() as client:
            return holders(client, secret)

    def in_files(self, secret: str) -> list[str]:
        """All files of the data folder, whatever they are."""
        return files_with(self._folder, secret)

    async def in_memory(self, secret: str) -> list[str]:
        """What holds it in the process that serves (scanned.py)."""
        told = self._asked.with_suffix(".found")
        self._asked.write_text(secret[::-1])
        self.running.signal(signal.SIGUSR1)
        await wait_until(told.exists, "the process has looked through its memory")
        lines = told.read_text().splitlines()
        told.unlink()
        self._asked.unlink()
        return lines

    def entries(self) -> int:
        with self.client() as client:
            return int(client.xlen(KEYS.log))

    async def follow(self) -> None:
        """A stream and a socket of the room, and of all rooms, that stay."""
        for path in ("/api/rooms/lobby/events", "/api/events"):
            session = await self._session()
            await self._stay(session.get(self.url + path, headers=_OPERATOR))
        for path in ("/api/rooms/lobby/socket", "/api/socket"):
            session = await self._session()
            await self._stay(session.ws_connect(self.url + path, headers=_OPERATOR))

    async def ask(self, secret: str, message: str) -> None:
        """Asks for all that tells of the message. The connections stay, as browsers keep them."""
        for path in _ANSWERS:
            session = await self._session()
            url = self.url + path.format(id=message)
            async with session.get(url, headers=_OPERATOR) as response:
                assert secret in await response.text(), path

    async def submit(self, text: str, life: str) -> None:
        """Posts by the page's form, without a script."""
        session = await self._session()
        form = {"text": text, "author": "", "ttl": life, "nonce": "x"}
        url = f"{self.url}/r/lobby"
        async with session.post(url, data=form, allow_redirects=False) as response:
            assert response.status == 303

    async def bury(self, message: str) -> None:
        """Somebody's consumer gives the message up."""
        with self.client() as client:
            client.xgroup_create(KEYS.log, "mailer", "0")
            client.xreadgroup("mailer", "me", {KEYS.log: ">"})
        async with Store(socket_url(self._folder)) as store:
            (log,) = Logs(store, load({})).all
            assert await DeadLetters(log, "mailer").bury(EntryId.parse(message), "no", 5)

    async def _session(self) -> aiohttp.ClientSession:
        """A client of its own, with its own connections."""
        session = aiohttp.ClientSession()
        await self._stay(session)
        return session

    async def _stay(self, reader: contextlib.AbstractAsyncContextManager[object]) -> None:
        await self.readers.enter_async_context(reader)


def files_with(folder: Path, secret: str) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        # A rewrite removes files.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and secret.encode() in path.read_bytes():
                found.append(path.name)
    return found


def _asked_in(folder: Path) -> Path:
    """Beside the folder: what is asked for is not to be found in it."""
    return folder.with_name(f"{folder.name}-asked")


@contextlib.asynccontextmanager
async def searched(commands: Commands, window: str) -> AsyncIterator[Searched]:
    """On the commands' data folder; its clients are ended, and it is left as it is."""
    folder = commands.data_dir
    running = await commands.start_python(
        *("-m", "tests.scanned", str(_asked_in(folder)), str(_PROMISE_MS)),
        *("up", "--port", "0", "--window", window),
        **UNLIMITED,
        MESSENGER_ADMIN_TOKEN=TOKEN,
    )
    url = (await running.line()).removeprefix("Messenger is on ")
    async with aiohttp.ClientSession() as session:
        made = Searched(running, url, session, folder)
        async with made.readers:
            yield made
