"""What more processes add on one machine: the figures of docs/scaling.md.

    .venv/bin/python -m bench.workers web projectors

`web`: posts to one and to several web workers, by wrk. `projectors`: the log written to the view by one
and by several workers.
Each in rounds, all sizes in turn; the median, and the least and the most. Ends all that it starts.
"""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from messenger import embedded
from messenger.keys import Keys
from messenger.settings import environment_with, load

_ROUNDS = 5
_SIZES = (1, 2, 4)
_SECONDS = 3
_ENTRIES = 60_000
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"text": "%s", "author": "somebody"}'
""" % ("x" * 100)


def main() -> None:
    for name in sys.argv[1:] or ["web", "projectors"]:
        {"web": web, "projectors": projectors}[name]()


# Posts


def web() -> None:
    found: dict[int, list[tuple[float, ...]]] = {size: [] for size in _SIZES}
    for _ in range(_ROUNDS):
        for size in _SIZES:
            words = ("web", "--workers", str(size))
            with (
                _store() as (url, server),
                _started(url, "worker"),
                _started(url, *words) as supervisor,
            ):
                found[size].append(_post(supervisor, server))
    print("| web workers | posts a second | p99, ms | us of the workers a post | of the store |")
    print("|---|---|---|---|---|")
    for size, rows in found.items():
        cells = [_cell(column) for column in zip(*rows, strict=True)]
        print(f"| {size} | {' | '.join(cells)} |", flush=True)


def _post(supervisor: subprocess.Popen[str], server: int) -> tuple[float, ...]:
    assert supervisor.stdout is not None
    port = supervisor.stdout.readline().rpartition(":")[2].strip()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_POST)
        script.flush()
        url = f"http://127.0.0.1:{port}/api/rooms/lobby/messages"
        command = ["wrk", "-t1", "-c64", f"-d{_SECONDS}s", "--latency", "-s", script.name, url]
        before = _worked_s(_children(supervisor.pid)), _worked_s([server])
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = _worked_s(_children(supervisor.pid)), _worked_s([server])
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    posts = int(_of(said, r"(\d+) requests in")[1])
    p99 = _of(said, r"99%\s+([\d.]+)(us|ms|s)")
    ms = float(p99[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[2]]
    each = [(now - then) / posts * 1e6 for then, now in zip(before, after, strict=True)]
    return float(_of(said, r"Requests/sec:\s+([\d.]+)")[1]), ms, *each


def _of(said: str, pattern: str) -> re.Match[str]:
    found = re.search(pattern, said)
    if found is None:
        raise SystemExit(f"wrk said: {said}")
    return found


# Projection


def projectors() -> None:
    print("| partitions | workers | entries a second | us of the workers an entry | of the store |")
    print("|---|---|---|---|---|")
    for partitions in (1, 4):
        found: dict[int, list[tuple[float, ...]]] = {size: [] for size in _SIZES}
        for _ in range(_ROUNDS):
            for size in _SIZES:
                found[size].append(_project(size, partitions))
        for size, rows in found.items():
            cells = [_cell(column) for column in zip(*rows, strict=True)]
            print(f"| {partitions} | {size} | {' | '.join(cells)} |", flush=True)


def _project(size: int, partitions: int) -> tuple[float, ...]:
    """They stand still while the log is filled, and go on at one moment."""
    with contextlib.ExitStack() as stack:
        url, server = stack.enter_context(_store())
        client = stack.enter_context(redis.Redis.from_url(url))
        words = ("worker", "--partitions", str(partitions))
        workers = [stack.enter_context(_started(url, *words)) for _ in range(size)]
        while sum(each["cmd"] == "xreadgroup" for each in client.client_list()) < size * partitions:
            time.sleep(0.05)
        pids = [each.pid for each in workers]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        _fill(client, partitions)
        before, began = (_worked_s(pids), _worked_s([server])), time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        metas = [Keys(number).meta for number in range(partitions)]
        while sum(int(client.hget(meta, "projected") or 0) for meta in metas) < _ENTRIES:
            time.sleep(0.02)
        took_s = time.monotonic() - began
        after = _worked_s(pids), _worked_s([server])
        each = [(now - then) / _ENTRIES * 1e6 for then, now in zip(before, after, strict=True)]
        return _ENTRIES / took_s, *each


def _fill(client: redis.Redis, partitions: int) -> None:
    fields = {"type": "message.posted", "author": "somebody", "text": "x" * 100}
    for first in range(0, _ENTRIES, 2_000):
        with client.pipeline(transaction=False) as pipeline:
            for number in range(first, first + 2_000):
                partition = number % partitions
                room = f"room-{partition}-{number % 50}"
                given: dict[Any, Any] = {**fields, "room": room, "ttl": "900000"}
                pipeline.xadd(Keys(partition).log, given)
            pipeline.execute()


# Processes


@contextlib.contextmanager
def _store() -> Iterator[tuple[str, int]]:
    """A store as `messenger up` runs it, in a folder of its own: its URL and its process."""
    with tempfile.TemporaryDirectory(prefix="messenger-bench-") as name:
        settings, folder = load({"data_dir": name}), Path(name) / "store"
        folder.mkdir(mode=0o700)
        command = embedded.command(embedded.find_server(), settings, folder)
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not embedded.socket_path(Path(name)).exists():
                time.sleep(0.01)
            yield embedded.socket_url(Path(name)), server.pid
        finally:
            server.kill()
            server.wait()


@contextlib.contextmanager
def _started(url: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    rates = ("POST_RATE", "ROOM_RATE", "NEW_ROOM_RATE")
    unlimited = {f"MESSENGER_{rate}": "off" for rate in rates}
    given = {"MESSENGER_STORE_URL": url, "MESSENGER_PORT": "0", **unlimited}
    process = subprocess.Popen(
        [sys.executable, "-m", "messenger", *words],
        env={**environment_with("PYTHONUNBUFFERED", "1"), **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _worked_s(pids: list[int]) -> float:
    """Processor time of processes, all their threads (proc(5): the 14th and 15th field)."""
    found = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) * _TICK_S
    return found


def _cell(values: tuple[float, ...]) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    if middle >= 100:
        return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
