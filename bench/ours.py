"""Our own processes: a store with the embedded one's options, web processes and workers on it, or
`messenger up`."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import redis

from bench.errors import BenchError
from bench.processes import Process, children, module
from messenger import embedded
from messenger.settings import load

_LOOK_S = 0.01
_READY_S = 120.0


class Served(NamedTuple):
    """What answers on a port of this machine; `pids` are all processes that it takes, the one that
    listens first, and `store` is where its messages are."""

    port: int
    pids: tuple[int, ...]
    store: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.pids[0]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of the run's own: it may hold a store, and its socket's path must be short."""
    path = Path(tempfile.mkdtemp(prefix="messenger-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Store(NamedTuple):
    url: str
    pid: int

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, legacy_responses=False)


@contextlib.contextmanager
def store() -> Iterator[Store]:
    """A store of its own, as `messenger up` runs it: everysec."""
    with folder() as path:
        settings = load({"data_dir": str(path)})
        (path / "store").mkdir(mode=0o700)
        command = embedded.command(embedded.find_server(), settings, path / "store")
        with Process(command) as process:
            running = Store(embedded.socket_url(path), process.pid)
            _wait_ready(running)
            yield running


@contextlib.contextmanager
def web(on: Store, *words: str, **given: str) -> Iterator[Served]:
    """A `messenger web`, once it has read the log; `words` come behind the command."""
    where = {"MESSENGER_STORE_URL": on.url}
    with _messenger(["web", *words], where, given) as (process, port):
        yield Served(port, (process.pid, on.pid), on.url)


@contextlib.contextmanager
def worker(on: Store, **given: str) -> Iterator[int]:
    """A `messenger worker`; its process id."""
    variables = _variables({"MESSENGER_STORE_URL": on.url}, given)
    with Process(module("messenger", "worker"), variables) as process:
        yield process.pid


@contextlib.contextmanager
def up(data_dir: Path, **given: str) -> Iterator[Served]:
    """A `messenger up` with its store in that folder, once it is ready."""
    with _messenger(["up"], {"MESSENGER_DATA_DIR": str(data_dir)}, given) as (process, port):
        pids = (process.pid, *children(process.pid))
        yield Served(port, pids, embedded.socket_url(data_dir))


@contextlib.contextmanager
def _messenger(
    words: list[str], where: dict[str, str], given: dict[str, str]
) -> Iterator[tuple[Process, int]]:
    variables = _variables({**where, "MESSENGER_PORT": "0"}, given)
    with Process(module("messenger", *words), variables) as process:
        yield process, int(process.line().rpartition(":")[2])


def _variables(where: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """One client of ours stands for many, in one room: no rate is limited."""
    rates = dict.fromkeys(("post_rate", "room_rate", "new_room_rate"), "off")
    chosen = {**rates, **given}
    return {**where, **{f"MESSENGER_{name.upper()}": value for name, value in chosen.items()}}


def _wait_ready(on: Store) -> None:
    until = time.monotonic() + _READY_S
    with on.client() as client:
        while time.monotonic() < until:
            try:
                client.ping()
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                time.sleep(_LOOK_S)
            else:
                return
    raise BenchError("the store does not answer")
