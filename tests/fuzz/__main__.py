"""`make fuzz`: each decoder for a while, on bytes that grow out of those that reached new code,
by atheris; or, where it is not installed, on bytes changed at random. TARGETS="post words" SECONDS=60.

What breaks a promise is printed with its bytes: they become a line of tests/fuzz/found.py.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from random import Random

from tests.fuzz.found import BEGINNINGS

try:
    import atheris
except ImportError:  # it has no wheel for every Python
    atheris = None


def main() -> int:
    """Each target in a process of its own: atheris ends the one that it runs in."""
    from tests.fuzz.targets import TARGETS

    names = os.environ.get("TARGETS", "").split() or list(TARGETS)
    command = [sys.executable, "-m", "tests.fuzz"]
    failed = [name for name in names if subprocess.run([*command, name]).returncode]
    for name in failed:
        print(f"{name}: a promise was broken")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> None:
    # What is loaded here counts the branches that it takes.
    ours = ["messenger", "consumers", "web"]
    with atheris.instrument_imports(include=ours) if atheris else nullcontext():
        from tests.fuzz.targets import TARGETS
    if atheris is None:
        draw(name, seconds)
        return
    with tempfile.TemporaryDirectory() as folder:
        for at, each in enumerate(BEGINNINGS):
            Path(folder, str(at)).write_bytes(each)
        options = [f"-max_total_time={seconds}", "-max_len=4096", "-verbosity=0"]
        options += [f"-artifact_prefix={folder}/", "-print_final_stats=1"]
        atheris.Setup([name, *options, folder], TARGETS[name])
        atheris.Fuzz()


def draw(name: str, seconds: int) -> None:
    """Bytes that are cut, joined and changed, without a sight of what they reach."""
    from tests.fuzz.targets import TARGETS

    seed, tried = time.time_ns() % 2**32, 0
    random, until = Random(seed), time.monotonic() + seconds
    while time.monotonic() < until:
        data = bytearray(random.choice(BEGINNINGS) + random.choice(BEGINNINGS))
        for _ in range(random.randrange(8)):
            at = random.randrange(len(data) + 1)
            data[at : at + random.randrange(4)] = random.randbytes(random.randrange(4))
        try:
            TARGETS[name](bytes(data))
        except Exception:
            print(f"{name}: broken by {bytes(data)!r}")
            raise
        tried += 1
    print(f"{name}: {tried} tried, with the seed {seed}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(sys.argv[1], int(os.environ.get("SECONDS", "20")))
    else:
        sys.exit(main())
