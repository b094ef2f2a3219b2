"""What stands above the table: the machine, the versions, and what was measured when."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from messenger import embedded

_PACKAGES = ("aiohttp", "uvloop", "msgspec", "redis", "hiredis")
_ROOT = Path(__file__).parent.parent


def machine() -> str:
    """Rows of different machines don't stand in one table."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB"


def versions() -> str:
    store = _first_line([str(embedded.find_server()), "--version"]).split()
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {packages}, {store[0]} {store[2].lstrip('v=')}"


def as_of() -> str:
    """The day, and the commit that was measured; `+` where the files are not that commit's."""
    commit = _first_line(["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"])
    sources = ["messenger", "consumers", "web", "bench"]
    changed = _first_line(["git", "-C", str(_ROOT), "status", "--porcelain", "--", *sources])
    return f"{time.strftime('%Y-%m-%d')} {commit}{'+' if changed else ''}"


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return next(iter(done.stdout.splitlines()), "")
