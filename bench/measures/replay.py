"""Replay to lines of JSON, by the command and its own process, against redis-cli reading the same range
a thousand entries at a time, which makes text of what it gets, too."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import filling, ours
from bench.processes import module
from bench.rounds import Effort, interleaved
from bench.rows import Row, Sample, at_least, at_most, row
from bench.tools import need
from messenger.settings import environment_with

_PAGE = 1_000


def measure(effort: Effort) -> Iterator[Row]:
    count = 3 * effort.events
    with ours.store() as on, ours.folder() as folder:
        filling.fill(on, count)
        pairs = interleaved(
            effort, lambda _: _ours(on, count), lambda _: _redis_cli(on, count, folder)
        )
        small = effort.events // 10
        filling.fill(on, small)
        least = _ours(on, small)["mib"]
    path = f"replay of {count:,} entries to lines of JSON"
    yield row(path, "redis-cli, COUNT 1000", "rate", "/s", pairs, at_least(0.6))
    # Flat: thirty times as many entries take no more than a tenth more.
    most = [pair.ours["mib"] for pair in pairs]
    against = f"of {small:,} entries"
    yield Row(f"{path}: memory", against, "MiB", at_most(1.1), most, [least] * len(most))


def _ours(on: ours.Store, count: int) -> Sample:
    """The command, without what it takes to start and to find nothing: a second after the last entry."""
    command = module("messenger", "replay")
    environment = environment_with("MESSENGER_STORE_URL", on.url)
    time.sleep(1.1)
    idle_s, _ = _timed(module("messenger", "replay", "--since", "1s"), environment)
    took_s, kib = _timed(command, environment)
    return {"rate": count / (took_s - idle_s), "mib": kib / 1_024}


def _redis_cli(on: ours.Store, count: int, folder: Path) -> Sample:
    """One redis-cli, given the commands that read the range: each page begins after the last id of the
    one before, which is known beforehand."""
    commands = folder / "commands"
    if not commands.exists():
        commands.write_text("".join(_pages(on)))
    command = [need("redis-cli", "redis-tools"), "-s", on.url.removeprefix("unix://")]
    took_s, _ = _timed(command, environment_with("LC_ALL", "C"), commands)
    return {"rate": count / took_s}


def _pages(on: ours.Store) -> Iterator[str]:
    low = "-"
    with on.client() as client:
        while page := client.xrange(filling.KEYS.log, low, count=_PAGE):
            yield f"XRANGE {filling.KEYS.log} {low} + COUNT {_PAGE}\n"
            low = f"({page[-1][0].decode()}"


def _timed(
    command: Sequence[str], environment: dict[str, str], given: Path | None = None
) -> tuple[float, int]:
    """The seconds that a command takes, and the most memory that it held, in KiB."""
    with open(given or os.devnull, "rb") as stdin, open(os.devnull, "wb") as nowhere:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=stdin, stdout=nowhere, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - began, used.ru_maxrss
