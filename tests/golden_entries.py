"""Entries as they were ever written, by type and version: tests/golden/entries.json, only added to."""

import json
from typing import Any, NamedTuple

import msgspec

from messenger.events import Event
from tests.sources import ROOT

FILE = ROOT / "tests/golden/entries.json"


class Golden(NamedTuple):
    """`flat` are an entry's names and values in turn, `event` is what they must decode to."""

    type: str
    version: int
    flat: list[bytes]
    event: Event

    @property
    def form(self) -> tuple[str, ...]:
        return tuple(name.decode() for name in self.flat[::2])


def read_golden() -> list[Golden]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text())
    return [
        Golden(
            each["type"],
            each["version"],
            [word.encode() for word in each["fields"]],
            msgspec.convert(each["event"], Event),  # type: ignore[call-overload]
        )
        for each in found
    ]
