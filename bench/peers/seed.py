"""The seed's system, started: RabbitMQ and its name server, a Redis as it comes, and Nameko in a virtual
environment of its own, which is made at the first run."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import ours
from bench.errors import BenchError
from bench.ours import Served, folder
from bench.peers.running import free_port, wait_listening
from bench.processes import Process
from bench.tools import need, need_file

_SEED = Path(__file__).parent.parent / "seed"
_VENV = Path(sys.prefix) / "seed"
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_START_S = 90.0
LIFE_MS = 60_000


@contextlib.contextmanager
def seed() -> Iterator[Served]:
    """/messages of the seed; its messages are in `store`."""
    nameko = _environment()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(ours.store())
        with store.client() as client:
            client.config_set("appendonly", "no")
        path = stack.enter_context(folder())
        broker = stack.enter_context(_rabbitmq(path))
        port = free_port()
        (path / "config.yaml").write_text(
            f"AMQP_URI: amqp://guest:guest@127.0.0.1:{broker}\n"
            f"WEB_SERVER_ADDRESS: 127.0.0.1:{port}\n"
            f"REDIS_URL: {store.url}\n"
            f"LIFE_MS: {LIFE_MS}\n"
        )
        command = [str(nameko), "run", "--config", str(path / "config.yaml"), "temp_messenger"]
        process = stack.enter_context(Process(command, cwd=_SEED))
        wait_listening(port, _START_S)
        yield Served(port, (process.pid, store.pid), store.url)


@contextlib.contextmanager
def _rabbitmq(path: Path) -> Iterator[int]:
    """A broker on a port of its own, with its files in that folder; its name server ends with it."""
    server = need_file(_RABBITMQ, "rabbitmq-server")
    names, port, between = free_port(), free_port(), free_port()
    variables = {
        "HOME": str(path),
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(between),
        "RABBITMQ_MNESIA_BASE": str(path / "mnesia"),
        "RABBITMQ_LOG_BASE": str(path / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(path / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(path / "none"),
    }
    with (
        Process([need("epmd", "erlang-base"), "-port", str(names)], variables),
        Process([str(server)], variables),
    ):
        wait_listening(port, _START_S)
        yield port


def _environment() -> Path:
    """Nameko's command."""
    command, pinned = _VENV / "bin" / "nameko", _SEED / "requirements.txt"
    stamp = _VENV / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != pinned.read_text():
        pip = [str(_VENV / "bin" / "python"), "-m", "pip", "-q", "install", "-r", str(pinned)]
        for step in ([sys.executable, "-m", "venv", str(_VENV)], pip):
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise BenchError(f"Nameko can't be installed: {done.stderr.strip()[-300:]}")
        stamp.write_text(pinned.read_text())
    return command
