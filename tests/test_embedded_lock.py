"""The embedded store's lock: one owner a folder, whatever is killed, in whatever order."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from messenger import embedded
from messenger.errors import StoreHeld
from messenger.settings import Settings
from messenger.supervisor import supervised
from tests.commands import Commands, Running
from tests.waiting import wait_until

# Holds a folder's embedded store until it is killed, and says the server's process.
_OWNER = """
import asyncio, sys
from messenger import settings, supervisor

async def main():
    async with supervisor.supervised(settings.load()) as supervised:
        print(supervised._process.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def of_folder(own_commands: Commands, settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings of the commands' data folder."""

    def make(**given: str) -> Settings:
        return settings(data_dir=str(own_commands.data_dir), **given)

    return make


@pytest.fixture
def lock_file(tmp_path: Path) -> Iterator[int]:
    """A descriptor of a data folder's lock file, to try it with as another process would."""
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def _client(data_dir: Path) -> redis.Redis:
    path = str(embedded.socket_path(data_dir))
    return redis.Redis(unix_socket_path=path, legacy_responses=False)


def _is_free(data_dir: Path) -> bool:
    descriptor = os.open(data_dir / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


async def _start_owner(own_commands: Commands) -> tuple[Running, int]:
    owner = await own_commands.start_python("-c", _OWNER)
    return owner, int(await owner.line())


async def test_a_second_holder_is_told_who_has_it(
    own_commands: Commands, of_folder: Callable[..., Settings]
) -> None:
    """A folder that another process holds is refused at once, with its number and what to do."""
    owner, _ = await _start_owner(own_commands)
    with pytest.raises(StoreHeld, match=rf"process {owner.pid}; .*MESSENGER_DATA_DIR"):
        async with supervised(of_folder()):
            pass
    assert owner.is_alive


async def test_a_stale_holder_does_not_stand_in_the_way(tmp_path: Path, lock_file: int) -> None:
    """The number of a process that is long gone is written over when nobody holds the lock."""
    os.write(lock_file, b"999999999\n")
    descriptor = await embedded.lock(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert not _is_free(tmp_path)
    os.close(descriptor)
    assert _is_free(tmp_path)


async def test_a_killed_owners_store_is_taken_over(
    own_commands: Commands, of_folder: Callable[..., Settings]
) -> None:
    """Its owner was killed with -9: the next start finds no server left, and every key."""
    owner, server = await _start_owner(own_commands)
    with _client(own_commands.data_dir) as client:
        client.set("kept", "value")
    await owner.end(signal.SIGKILL)
    async with supervised(of_folder()):
        assert _is_gone(server)
        assert own_commands.servers() != [server]
        with _client(own_commands.data_dir) as client:
            assert client.get("kept") == b"value"


async def test_a_server_that_outlives_its_owner_keeps_the_folder(own_commands: Commands) -> None:
    """While the server of a killed owner still runs nobody else has the folder; the next start
    waits for its end."""
    owner, server = await _start_owner(own_commands)
    os.kill(server, signal.SIGSTOP)
    await owner.end(signal.SIGKILL)
    assert not _is_free(own_commands.data_dir)
    taking = asyncio.create_task(embedded.lock(own_commands.data_dir))
    await asyncio.sleep(0)
    assert not taking.done()
    os.kill(server, signal.SIGCONT)
    os.close(await taking)
    assert _is_gone(server)


async def test_a_killed_server_does_not_free_the_folder(
    own_commands: Commands, of_folder: Callable[..., Settings]
) -> None:
    """The folder belongs to its owner also between two servers."""
    async with supervised(of_folder()) as supervisor:
        (server,) = own_commands.servers()
        os.kill(server, signal.SIGKILL)
        await wait_until(lambda: not own_commands.servers(), "the server has ended")
        assert not _is_free(own_commands.data_dir)
        await supervisor.start()
    assert _is_free(own_commands.data_dir)
