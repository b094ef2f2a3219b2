"""Programs of the system that a measurement needs: installed where that may be done, else named."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.errors import BenchError
from messenger.settings import environment_with


def need(program: str, package: str) -> str:
    """The program's path; installs Debian's package where it is missing."""
    return found(program) or _installed(program, package)


def found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.defpath}:/usr/local/sbin:/usr/sbin:/sbin")


def need_file(path: str, package: str) -> Path:
    """The same for a file that a package brings."""
    if not Path(path).exists():
        _install(path, package)
    return Path(path)


def _installed(program: str, package: str) -> str:
    _install(program, package)
    path = found(program)
    if path is None:
        raise BenchError(f"{package} brought no {program}")
    return path


def _install(what: str, package: str) -> None:
    apt = found("apt-get")
    if apt is None or os.geteuid() != 0:
        raise BenchError(f"{what} is missing; install it first (Debian's package {package})")
    environment = environment_with("DEBIAN_FRONTEND", "noninteractive")
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", package]):
        done = subprocess.run([apt, *command], env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise BenchError(f"{what} is missing, and {package} can't be installed: {words}")
