"""The Lua scripts, read once from their files: one script, one file, a header that is its contract."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    name: str
    source: bytes
    sha: bytes


def load(
    package: str, name: str, *, parts: tuple[str, ...] = (), late: str | None = None
) -> Script:
    """The script `name` of a package's lua folder, with the shared `parts` of ours before it. With
    `late`, names in them, they stand in a function `parts` that returns those: a dozen
    functions take longer to make than a small script to run.

    Every script has a `#!lua` line: without it a script whose first command is a write may go past
    `maxmemory`. A header's line `-- flags: ...` is handed to the store.
    """
    body = (files(package) / "lua" / f"{name}.lua").read_text()
    shared = [(files("messenger") / "lua" / f"{part}.lua").read_text() for part in parts]
    if late is not None:
        shared = ["local function parts()", *shared, f"return {late}", "end"]
    source = "\n".join([_shebang(body), *shared, body]).encode()
    return _script(name, source)


@cache
def guarded(script: Script) -> Script:
    """The script for a cluster. While a slot is moved key by key (CLUSTER SETSLOT, MIGRATE), a command
    in a script fails at a key that has gone, or that is not there at all, and what was done before it
    stays done. So a script begins by asking for a key that never is: it fails before it does anything,
    and is run again when the slot has its place."""
    first, rest = script.source.split(b"\n", 1)
    guard = b"redis.call('EXISTS', string.match(KEYS[1], '^[^:]*:[^:]*:') .. 'whole')"
    return _script(script.name, b"\n".join((first, guard, rest)))


def _script(name: str, source: bytes) -> Script:
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest().encode())


def _shebang(body: str) -> str:
    for line in body.splitlines():
        if line.startswith("-- flags: "):
            return "#!lua flags=" + line.removeprefix("-- flags: ").split(" (")[0]
    return "#!lua"
