"""`messenger` in a process that can be asked where a text is in its memory: in any object that lives.

    python -m tests.scanned FILE PROMISE_MS up --port 0

On SIGUSR1 it reads a text, written backwards, from FILE, and writes to FILE.found, one a line, what
holds it: a test that looks for a text must not be what keeps it. In so many milliseconds, and not in a
minute, what is over is off the disk.
"""

import gc
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from messenger import rewriter
from messenger.cli.main import main as messenger

_TEXTS = (str, bytes, bytearray, memoryview)
# How far up who holds it is told.


def holders(secret: str) -> list[str]:
    """A line for each living text that the secret is in: its beginning, and the kinds of what holds it,
    those of what looks among them."""
    gc.unfreeze()
    gc.collect()
    forms = (secret, secret.encode())
    found = [each for each in _texts(set()) if _has(each, forms)]
    return [f"{_short(each)} <- {_owners(each)}" for each in found]


def _texts(seen: set[int]) -> Iterator[Any]:
    """Every text that a living object holds. What has no references of its own the collector does not
    know, nor, of some that it knows, what is in them: they are gone through from who holds them."""
    to_see = gc.get_objects()
    seen |= {id(to_see), id(seen)}
    while to_see:
        each = to_see.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, _TEXTS):
            yield each
        else:
            to_see += gc.get_referents(each)
        if isinstance(each, Struct):
            to_see += [getattr(each, name, None) for name in each.__struct_fields__]


def _has(text: Any, forms: tuple[str, bytes]) -> bool:
    if isinstance(text, str):
        return forms[0] in text and text is not forms[0]
    return forms[1] in bytes(text) and text is not forms[1]


def _owners(text: object) -> str:
    return ", ".join(type(one).__qualname__ for one in gc.get_referrers(text))


def _short(text: Any) -> str:
    return f"{type(text).__name__} {str(text)[:60]!r}"


def main() -> None:
    asked = Path(sys.argv.pop(1))
    rewriter._PROMISE_MS = int(sys.argv.pop(1))

    def scan(*_: object) -> None:
        lines = holders(asked.read_text()[::-1])
        new = asked.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for line in lines))
        new.replace(asked.with_suffix(".found"))

    signal.signal(signal.SIGUSR1, scan)
    messenger()


if __name__ == "__main__":
    main()
