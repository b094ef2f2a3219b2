"""Peers, started."""

import contextlib
from collections.abc import Iterator

from bench.ours import Served
from bench.processes import Process, module


@contextlib.contextmanager
def bare() -> Iterator[Served]:
    """The bare handlers of bare.py."""
    with Process(module("bench.peers.bare")) as process:
        yield Served(int(process.line()), (process.pid,))
