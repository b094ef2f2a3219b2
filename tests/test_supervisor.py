"""The supervisor of the embedded store, and the rewriter that takes erased texts off its disk."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from messenger import embedded
from messenger.connection import Store
from messenger.entries import START
from messenger.errors import StoreUnavailable, StoreUnfit
from messenger.log import Appended, Log, Logs, Post
from messenger.rewriter import Rewriter
from messenger.settings import Settings
from messenger.supervisor import Supervisor, supervised
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.waiting import wait_until

_SECRET = "the-secret-word"


@pytest.fixture
def of_folder(own_commands: Commands, settings: Callable[..., Settings]) -> Settings:
    return settings(data_dir=str(own_commands.data_dir))


@pytest.fixture
async def supervisor(of_folder: Settings) -> AsyncIterator[Supervisor]:
    """A started supervisor whose loop runs."""
    stop = asyncio.Event()
    async with supervised(of_folder) as started, asyncio.TaskGroup() as group:
        group.create_task(started.run(stop))
        yield started
        stop.set()


@pytest.fixture
async def disk(own_store: Callable[..., PrivateStore]) -> AsyncIterator["Disk"]:
    """A store of its own, settled, and its files."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, private.settings)
        await logs.settle()
        yield Disk(private, logs)


class Disk:
    def __init__(self, private: PrivateStore, logs: Logs) -> None:
        self.private = private
        self.logs = logs
        self.rewriter = Rewriter(logs.store, logs)

    @property
    def log(self) -> Log:
        return self.logs.all[0]

    async def holding(self, text: str) -> list[Path]:
        """The store's files that have the text in them, once all that was said is written."""
        await self.log.store.client.execute_command("WAITAOF", 1, 0, 1_000)
        files = [path for path in self.private.folder.rglob("*") if path.is_file()]
        return [path for path in files if text.encode() in _bytes_of(path)]

    async def rewrites(self) -> int:
        """How many rewrites there were, once none is under way."""

        async def look() -> dict[str, int] | None:
            info: dict[str, int] = await self.log.store.client.info("persistence")
            under_way = info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]
            return None if under_way else info

        return (await wait_until(look, "no rewrite is under way"))["aof_rewrites"]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a rewrite removed it
        return b""


def _client(data_dir: Path) -> redis.Redis:
    path = str(embedded.socket_path(data_dir))
    # Without redis-py's retries, which sleep, and the supervisor runs in the same thread.
    retry = Retry(NoBackoff(), 0)
    return redis.Redis(unix_socket_path=path, legacy_responses=False, retry=retry)


def _answers(data_dir: Path) -> bool:
    try:
        with _client(data_dir) as client:
            return bool(client.ping())
    except redis.exceptions.RedisError:
        return False


def _is_handed_over(data_dir: Path) -> bool:
    """Whether all that the server has answered is written to its file."""
    with _client(data_dir) as client:
        return bool(client.info("persistence")["aof_buffer_length"] == 0)


async def test_a_killed_server_is_started_again(
    own_commands: Commands, of_folder: Settings, supervisor: Supervisor
) -> None:
    """The server is killed with -9: another runs by itself, with every key."""
    with _client(own_commands.data_dir) as client:
        client.set("kept", "value")
    (server,) = own_commands.servers()
    os.kill(server, signal.SIGKILL)
    await wait_until(lambda: _answers(own_commands.data_dir), "it answers")
    assert supervisor.restarts == 1
    assert own_commands.servers() != [server]
    with _client(own_commands.data_dir) as client:
        assert client.get("kept") == b"value"


async def test_a_server_killed_while_it_starts_again_is_started_once_more(
    own_commands: Commands, of_folder: Settings
) -> None:
    """A second kill that comes before the new server is ready is a death like any other."""
    stop = asyncio.Event()
    async with supervised(of_folder) as supervisor:
        with _client(own_commands.data_dir) as client:
            client.set("kept", "value")
        running = asyncio.create_task(supervisor.run(stop))
        first = own_commands.servers()
        os.kill(first[0], signal.SIGKILL)
        await wait_until(lambda: set(own_commands.servers()) - set(first), "a second one is there")
        (second,) = own_commands.servers()
        os.kill(second, signal.SIGKILL)
        await wait_until(
            lambda: running.done() or _answers(own_commands.data_dir), "a third one answers"
        )
        stop.set()
        await running
        with _client(own_commands.data_dir) as client:
            assert client.get("kept") == b"value"


async def test_a_text_is_kept_through_a_killed_server(
    own_commands: Commands, of_folder: Settings, supervisor: Supervisor
) -> None:
    """What was accepted just before the kill is in the log after it, and posting goes on by itself.
    On a disk that takes long to sync the server holds back for a while what it has answered (what can't
    be kept: docs/reliability.md), and on a busy machine it takes longer to start than one post waits."""
    async with Store(embedded.socket_url(own_commands.data_dir)) as store:
        logs = Logs(store, of_folder)
        await logs.settle()
        log = logs.of("lobby")
        before = await log.append(Post("lobby", "me", "before"))
        await wait_until(lambda: _is_handed_over(own_commands.data_dir), "the system has it")
        os.kill(own_commands.servers()[0], signal.SIGKILL)

        async def say() -> Appended | None:
            with contextlib.suppress(StoreUnavailable):
                return await log.append(Post("lobby", "me", "after", key="after"))
            return None

        after = await wait_until(say, "it is accepted", seconds=30)
        entries = await log.range(START)
    assert [entry.id for entry in entries] == [before.id, after.id]


@pytest.mark.parametrize(
    "where", ["appendonlydir/appendonly.aof.manifest", "appendonlydir/appendonly.aof.1.base.aof"]
)
async def test_files_that_no_server_can_read_end_the_start(
    own_commands: Commands, of_folder: Settings, where: str
) -> None:
    """Where the files are broken the start is refused with the server's own last words; nothing is
    left running and the folder is free."""
    async with supervised(of_folder):
        with _client(own_commands.data_dir) as client:
            client.set("kept", "value")
    broken = own_commands.data_dir / "store" / where
    assert broken.exists()
    broken.write_text("this is no such file\n")
    with pytest.raises(StoreUnfit, match=r"does not start \(exit 1\): .*(AOF|append|file)"):
        async with supervised(of_folder):
            pass
    assert own_commands.servers() == []
    os.close(await embedded.lock(own_commands.data_dir))


async def test_a_server_that_keeps_dying_is_given_up(
    own_commands: Commands, of_folder: Settings
) -> None:
    """A server that starts and dies again and again is not started for ever."""
    async with supervised(of_folder) as supervisor:
        running = asyncio.create_task(supervisor.run(asyncio.Event()))
        while not running.done():
            if _answers(own_commands.data_dir):
                os.kill(own_commands.servers()[0], signal.SIGKILL)
            await asyncio.sleep(0.01)
        with pytest.raises(StoreUnfit, match="times in a row"):
            await running
        assert supervisor.restarts > 2


async def test_a_stop_ends_the_server_and_frees_the_folder(
    own_commands: Commands, of_folder: Settings
) -> None:
    """After the stop no server runs, its socket is gone, and the folder is free for the next at
    once; what it held is there."""
    async with supervised(of_folder):
        assert len(own_commands.servers()) == 1
        with _client(own_commands.data_dir) as client:
            client.set("kept", "value")
    assert own_commands.servers() == []
    assert not embedded.socket_path(own_commands.data_dir).exists()
    async with supervised(of_folder):
        with _client(own_commands.data_dir) as client:
            assert client.get("kept") == b"value"


async def test_a_stop_is_not_a_death(
    own_commands: Commands, of_folder: Settings, supervisor: Supervisor
) -> None:
    """A server that ends after the stop is not started again."""
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    stop.set()
    await running
    assert supervisor.restarts == 0
    assert len(own_commands.servers()) == 1


async def test_a_failure_of_its_owner_stops_the_server(
    own_commands: Commands, of_folder: Settings
) -> None:
    """However the owner ends, the server ends with it."""
    with pytest.raises(ZeroDivisionError):
        async with supervised(of_folder):
            raise ZeroDivisionError
    assert own_commands.servers() == []


async def test_a_rewrite_takes_an_erased_text_off_the_disk(disk: Disk) -> None:
    """An erased text is in the store's files until a rewrite, and in none of them after it."""
    posted = await disk.log.append(Post("lobby", "me", _SECRET))
    await disk.log.append(Post("lobby", "me", "another-word"))
    await disk.log.erase("lobby", posted.id, "author")
    assert await disk.holding(_SECRET)
    await disk.rewriter.rewrite()

    async def is_gone() -> bool:
        return not await disk.holding(_SECRET)

    await wait_until(is_gone, "no file holds the text")
    assert await disk.holding("another-word")


async def test_a_text_that_comes_during_a_rewrite_is_taken_by_the_next(disk: Disk) -> None:
    """What came and went since the last rewrite is again taken off the disk."""
    for number in range(2):
        posted = await disk.log.append(Post("lobby", "me", f"{_SECRET}-{number}"))
        await disk.log.erase("lobby", posted.id, "author")
        await disk.rewriter.rewrite()
        await disk.rewrites()
    assert await disk.holding(_SECRET) == []


async def test_nothing_is_rewritten_when_nothing_changed(disk: Disk) -> None:
    """An idle messenger's disk rests: without a change there is no rewrite, with one there is."""
    await disk.log.append(Post("lobby", "me", "a"))
    await disk.rewriter.rewrite()
    first = await disk.rewrites()
    await disk.rewriter.rewrite()
    assert await disk.rewrites() == first
    await disk.log.append(Post("lobby", "me", "b"))
    await disk.rewriter.rewrite()
    assert await disk.rewrites() == first + 1


async def test_a_rewrite_that_is_refused_is_tried_again(disk: Disk) -> None:
    """A rewrite under way began before this look: the next look starts another."""
    client = disk.log.store.client
    await client.config_set("rdb-key-save-delay", 100_000)
    for number in range(5):
        await client.set(f"slow {number}", "value", px=60_000)
    posted = await disk.log.append(Post("lobby", "me", _SECRET))
    await client.bgrewriteaof()
    await disk.log.erase("lobby", posted.id, "author")
    await disk.rewriter.rewrite()
    await client.config_set("rdb-key-save-delay", 0)
    await disk.rewrites()
    await disk.rewriter.rewrite()
    await disk.rewrites()
    assert await disk.holding(_SECRET) == []
