"""The store's clock in our hands: libfaketime, which Debian's package faketime brings."""

from functools import cache
from pathlib import Path

_PLACES = ("/usr/lib", "/usr/local/lib")
FILE = "FAKETIME_TIMESTAMP_FILE"


@cache
def library() -> Path | None:
    """libfaketime, if it is installed."""
    for place in _PLACES:
        for found in sorted(Path(place).glob("**/faketime/libfaketimeMT.so.1")):
            return found
    return None


def faked_time(folder: Path) -> dict[str, str]:
    """The environment of a store whose clock `set_clock` sets."""
    found = library()
    assert found is not None, "install the package faketime"
    file = folder / "clock"
    file.write_text("+0s")
    return {
        "LD_PRELOAD": str(found),
        FILE: str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(environment: dict[str, str], ahead_s: int) -> None:
    """From now on the store's clock is so far ahead of the true time. It never reads half a word."""
    file = Path(environment[FILE])
    new = file.with_suffix(".new")
    new.write_text(f"{ahead_s:+d}s")
    new.replace(file)
