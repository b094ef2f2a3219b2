"""A primary with two replicas and three sentinels of the tests' own, on loopback."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import redis

from messenger import embedded
from tests.private_cluster import free_ports, wait_for
from tests.private_store import PrivateStore

NAME = "chat"
PASSWORD = "the-sentinels-password"
# A server that is silent for so long is down. A loaded machine needs some.
DOWN_AFTER_MS = 1_000


class Replicated(PrivateStore):
    """One of the store's servers, on a port of loopback."""

    def __init__(self, server: Path | None, port: int, follows: int | None, **given: str) -> None:
        super().__init__(server, **given)
        self.port = port
        self.name = f"127.0.0.1:{port}"
        self.options += [
            *("--port", str(port), "--bind", "127.0.0.1"),
            *("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"),
            *("--shutdown-timeout", "0"),
        ]
        if follows is not None:
            self.options += ["--replicaof", f"127.0.0.1 {follows}"]

    @property
    def role(self) -> str:
        with self.client() as client:
            return str(client.info("replication")["role"])


class Sentinel:
    """One sentinel. It writes its configuration itself."""

    def __init__(self, server: Path, port: int, primary: int) -> None:
        self.port = port
        self._server = server
        self._folder = Path(tempfile.mkdtemp(prefix="messenger-test-"))
        self._config = self._folder / "sentinel.conf"
        self._config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._folder}\nrequirepass {PASSWORD}\n"
            f"sentinel sentinel-pass {PASSWORD}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {NAME} 5000\nsentinel parallel-syncs {NAME} 2\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(self._server), str(self._config), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, password=PASSWORD, legacy_responses=False)

    def named(self) -> int:
        """The port of the server that it takes for the primary."""
        with self.client() as client:
            place = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(place[1])

    def knows(self, replicas: int, others: int) -> bool:
        """Whether it has found the servers and its like."""
        with self.client() as client:
            flat = client.execute_command("SENTINEL", "MASTER", NAME)
        facts = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        found = {_text(name): _text(value) for name, value in facts.items()}
        return (found["num-slaves"], found["num-other-sentinels"]) == (str(replicas), str(others))

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)


class PrivateSentinels:
    """`stores`: the primary, and two that follow it at the start."""

    def __init__(self, server: Path | None = None, replicas: int = 2, **given: str) -> None:
        first, *ports = free_ports(replicas + 4)
        self.stores = [Replicated(server, first, None, **given)]
        self.stores += [Replicated(server, port, first, **given) for port in ports[3:]]
        binary = server or embedded.find_server()
        self.sentinels = [Sentinel(binary, port, first) for port in ports[:3]]
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{NAME}?sentinel_password={PASSWORD}"

    def start(self) -> None:
        for store in self.stores:
            store.start()
        for sentinel in self.sentinels:
            sentinel.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Every sentinel knows every server and the other sentinels."""
        wait_for(
            lambda: all(each.knows(len(self.stores) - 1, 2) for each in self.sentinels),
            "the sentinels know the servers",
        )

    @property
    def primary(self) -> Replicated:
        return next(each for each in self.stores if each.is_alive and each.role == "master")

    def remove(self) -> None:
        # The sentinels first: none of them names another primary while the servers end.
        for each in (*self.sentinels, *self.stores):
            each.remove()


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
