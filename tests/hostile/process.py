"""A process as the system sees it: memory, file descriptors; and what it says of its own tasks."""

import os
from pathlib import Path

import aiohttp

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def resident_mb(pid: int) -> float:
    """Memory that it has now (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB


def open_files(pid: int | str = "self") -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def figure(session: aiohttp.ClientSession, url: str, name: str) -> float:
    """One of its figures (docs/metrics.md), added up over its labels."""
    async with session.get(f"{url}/metrics") as response:
        lines = (await response.text()).splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.startswith((name + " ", name + "{"))]
    assert found, f"no figure {name}"
    return sum(map(float, found))
