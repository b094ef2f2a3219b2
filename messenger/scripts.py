"""The Lua scripts, read once from their files: one script, one file, a header that is its contract."""

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
    `late`, a name in the last of them, they stand in a function `parts` that returns it: a dozen
    functions take longer to make than a small script to run.

    Every script has a `#!lua` line: without it a script whose first command is a write may go past
    `maxmemory`. A header's line `-- flags: ...` is handed to the store.
    """
    body = (files(package) / "lua" / f"{name}.lua").read_text()
    shared = [(files("messenger") / "lua" / f"{part}.lua").read_text() for part in parts]
    if late is not None:
        shared = ["local function parts()", *shared, f"return {late}", "end"]
    source = "\n".join([_shebang(body), *shared, body]).encode()
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest().encode())


def _shebang(body: str) -> str:
    for line in body.splitlines():
        if line.startswith("-- flags: "):
            return "#!lua flags=" + line.removeprefix("-- flags: ").split(" (")[0]
    return "#!lua"
