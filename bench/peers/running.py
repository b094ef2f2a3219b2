"""Peers, started."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.ours import Served, folder
from bench.processes import Process, module
from bench.tools import need, need_file

_NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"
_START_S = 10.0
_LOOK_S = 0.02


@contextlib.contextmanager
def bare() -> Iterator[Served]:
    """The bare handlers of bare.py."""
    with Process(module("bench.peers.bare")) as process:
        yield Served(int(process.line()), (process.pid,))


@contextlib.contextmanager
def nchan() -> Iterator[Served]:
    """nginx with nchan, Debian's: /post, /events and /socket of one channel."""
    nginx = need("nginx", "nginx-light")
    library = need_file(_NCHAN, "libnginx-mod-nchan")
    port = free_port()
    with folder() as path:
        conf = (Path(__file__).parent / "nchan.conf").read_text()
        (path / "conf").write_text(conf.format(module=library, folder=path, port=port))
        with Process([nginx, "-c", str(path / "conf"), "-e", "stderr"]) as process:
            wait_listening(port)
            yield Served(port, (process.pid,))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_listening(port: int, for_s: float = _START_S) -> None:
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(_LOOK_S)
        else:
            return
    raise BenchError(f"nothing listens on port {port}")
