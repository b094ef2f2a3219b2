"""Load: wrk for as many requests as can be answered, our own clients for all else."""

import json
import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.processes import Process, module
from bench.rows import Sample
from bench.tools import need

CONNECTIONS = 64
POST = '{"text":"%s","author":"somebody"}' % ("x" * 100)
_SCRIPTS = Path(__file__).parent / "wrk"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def wrk(
    url: str,
    seconds: float,
    *,
    connections: int = CONNECTIONS,
    script: str | None = None,
    given: Sequence[str] = (),
) -> Sample:
    """As many requests as are answered: `answers`, their `rate` a second, `p99_ms`. `script` is one of
    bench/wrk, which is told what is given. Raises BenchError where a request was refused. wrk counts
    whole seconds; so do we, at least one."""
    how = ["-s", str(_SCRIPTS / f"{script}.lua")] if script else []
    command = [need("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--latency", *how, url, "--", *given], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        said = stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - began
    if process.returncode != 0 or "Non-2xx" in said or "Socket errors" in said:
        raise BenchError(f"wrk on {url}: {said.strip()}")
    return {
        "answers": int(_of(said, r"(\d+) requests in")[1]),
        "rate": float(_of(said, r"Requests/sec:\s+([\d.]+)")[1]),
        "p99_ms": _ms(_of(said, r"99%\s+([\d.]+)(us|ms|s|m)")),
        "load": (used.ru_utime + used.ru_stime) / wall_s,
    }


def wrk_posts(
    url: str, seconds: float, *, body: str = POST, connections: int = CONNECTIONS
) -> Sample:
    """As many posts as are answered."""
    return wrk(url, seconds, connections=connections, script="post", given=[body])


def client(name: str, **given: object) -> Process:
    """One of bench/clients, under way."""
    return Process(module(f"bench.clients.{name}", json.dumps(given)))


def asked(process: Process) -> dict[str, float]:
    """What a client tells when it is asked."""
    found: dict[str, float] = json.loads(process.ask())
    return found


def told(process: Process) -> dict[str, Any]:
    """What a client found, once it has ended."""
    found: dict[str, Any] = json.loads(process.end())
    return found


def posts(port: int, rate: float, seconds: float, **given: object) -> Sample:
    """Posts at an even rate, or with 0 as fast as they are answered: `p50_ms`, `p99_ms`, `rate`. Raises
    BenchError where one was refused."""
    with client("posts", port=port, rate=rate, seconds=seconds, **given) as process:
        found = told(process)
    if found["refused"]:
        raise BenchError(f"{found['refused']:.0f} posts were refused")
    return found


def lists(port: int, path: str, seconds: float, *, connections: int = CONNECTIONS) -> Sample:
    """As many answers of megabytes as are given: `answers`, and their `rate` a second. Raises BenchError
    where one was refused."""
    given = {"port": port, "path": path, "connections": connections, "seconds": seconds}
    with client("lists", **given) as process:
        return told(process)


def _of(said: str, form: str) -> re.Match[str]:
    found = re.search(form, said)
    if found is None:
        raise BenchError(f"wrk said something else: {said.strip()}")
    return found


def _ms(found: re.Match[str]) -> float:
    return float(found[1]) * _UNITS[found[2]]
