"""Node.js and npm, which the example in JavaScript uses."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

_EXAMPLE = ROOT / "docs" / "examples" / "node"
_LOCKED = ("package.json", "package-lock.json")


def need_node() -> None:
    """Without them a test is skipped on a person's machine, and fails in CI."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        words = f"there is no {' and no '.join(missing)} on PATH; .ci/run installs them"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def installed(name: str) -> Path:
    """The example's file beside the packages that it needs: they are installed once for each lock, into
    the virtual environment."""
    lock = b"".join((_EXAMPLE / each).read_bytes() for each in _LOCKED)
    folder = Path(sys.prefix) / "node" / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        _install(folder)
    shutil.copy(_EXAMPLE / name, folder)
    return folder / name


def _install(folder: Path) -> None:
    part = folder.with_suffix(".part")  # what is half installed is not taken for whole
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for each in _LOCKED:
        shutil.copy(_EXAMPLE / each, part)
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(command, cwd=part, capture_output=True, text=True, timeout=100)
    if done.returncode:
        pytest.fail(f"npm ci has failed: {done.stderr[-1_000:]}")
    part.rename(folder)
