"""A store of the tests' own: the embedded binary with the embedded store's options, in a new folder."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import redis

from messenger import embedded, settings
from tests.users import make_users


class PrivateStore:
    """Started, killed, frozen and started again by tests. Its files outlive a kill; so do its users,
    one for each role."""

    def __init__(self, server: Path | None = None, **given: str) -> None:
        self._server = server or embedded.find_server()
        # Not pytest's folder: a socket's path must be short.
        self.data_dir = Path(tempfile.mkdtemp(prefix="messenger-test-"))
        self.settings = settings.load({"data_dir": str(self.data_dir), **given})
        self.folder = self.data_dir / "store"
        self.folder.mkdir(mode=0o700)
        self._users = self.data_dir / "users.acl"
        self.url = embedded.socket_url(self.data_dir)
        # More options of the server, over the embedded store's, and variables of its environment.
        self.options: list[str] = []
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return embedded.socket_path(self.data_dir)

    def start(self) -> None:
        is_new = not self._users.exists()
        self._users.touch()
        self.launch()
        self.wait_ready()
        if is_new:
            with self.client() as client:
                make_users(client, str(self._server), self.url)
                client.acl_save()

    def launch(self) -> None:
        """Starts it and waits for nothing."""
        command = embedded.command(self._server, self.settings, self.folder)
        self._process = subprocess.Popen(
            [*command, "--aclfile", str(self._users), *self.options],
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Python ignores SIGXFSZ, and so must the server: a full disk is made by a file's limit.
            restore_signals=False,
        )

    def limit_files(self, size: int) -> None:
        """No file may grow beyond so many bytes: as when the disk is full (EFBIG for ENOSPC)."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def wait_ready(self) -> None:
        for _ in range(1_000):
            try:
                with self.client() as client:
                    client.ping()
            except redis.exceptions.ConnectionError:
                assert self._process is not None
                try:
                    self._process.wait(0.01)
                except subprocess.TimeoutExpired:
                    continue
                raise AssertionError("the test's store ended at its start") from None
            return
        raise AssertionError("the test's store does not answer")

    def client(self, partition: int = 0) -> redis.Redis:
        """A client of the server that has a partition: here all are in one."""
        return redis.Redis(
            unix_socket_path=str(embedded.socket_path(self.data_dir)), legacy_responses=False
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As at three in the morning: kill -9."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Ends it and leaves nothing behind. Killed: asked to end, it may wait for its replicas, or
        refuse, as one does that can't write its files."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.data_dir)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
