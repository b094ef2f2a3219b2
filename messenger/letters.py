"""A dead letter as it is told: an entry that a group could not handle, and why."""

from typing import Literal

import msgspec

# What may be done with one: handed to the group again, or forgotten.
Verb = Literal["requeue", "drop"]


class Letter(msgspec.Struct, frozen=True):
    """`entry` is the id of what it holds, `fields` that entry's own, as far as they are UTF-8; times are
    milliseconds since 1970."""

    entry: str
    group: str
    partition: int
    error: str
    attempts: int
    buried_at: int
    expires_at: int
    fields: dict[str, str]
