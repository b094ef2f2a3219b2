"""`messenger up` on a folder with messages: from its start until it says where it is."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench import load, ours
from bench.rounds import Effort
from bench.rows import Row, at_most

_MESSAGES = 10_000


def measure(effort: Effort) -> Iterator[Row]:
    with ours.folder() as data_dir:
        count = min(_MESSAGES, effort.events)
        with ours.up(data_dir) as served:
            load.posts(served.port, 5_000, count / 5_000)
        times = [_start_s(data_dir) for _ in range(effort.rounds)]
    yield Row(f"warm start to ready, {count:,} messages", "", "s", at_most(1.0), times)


def _start_s(data_dir: Path) -> float:
    began = time.monotonic()
    with ours.up(data_dir):
        return time.monotonic() - began
