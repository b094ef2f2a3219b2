"""One cursor for a reader of several partitions: where it stands in each.

With one partition it is an entry id. With several it is `<newest>:<one>,<two>,...`, in the partitions'
order: the newest time in milliseconds, and for each how far its id is behind that, in hexadecimal;
`-<number>` follows where the id's second half is not 0. So the ids of a thousand partitions, all spoken
in within hours, still fit into a header's line. To its readers it is opaque.
"""

import re
from collections.abc import Sequence

from messenger.entries import EntryId

_HALF = 2**64
_WRITTEN = re.compile(r"(\d{1,20}):([0-9a-f]{1,16}(?:[-,][0-9a-f]{1,16})*)", re.ASCII)
_BEHIND = re.compile(r"([0-9a-f]+)(?:-([0-9a-f]+))?", re.ASCII)


def write(ids: Sequence[EntryId]) -> str:
    if len(ids) == 1:
        return str(ids[0])
    newest = max(each.ms for each in ids)
    return f"{newest}:{','.join(_behind(newest, each) for each in ids)}"


def parse(text: str, partitions: int) -> list[EntryId]:
    """Reads a cursor; 0-0 is the start of all. ValueError for anything that was never written for so
    many partitions, nor for fewer of which these were made: each goes on where the one stood that it
    comes from."""
    if partitions == 1:
        return [EntryId.parse(text)]
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return [_parse_one(text, partitions)] * partitions
    parts = written[2].split(",")
    if len(parts) < 2 or partitions % len(parts):
        raise ValueError(_wanted(partitions))
    places = [_ahead(int(written[1]), part) for part in parts]
    return [places[each % len(parts)] for each in range(partitions)]


def _parse_one(text: str, partitions: int) -> EntryId:
    """A cursor of when there was one partition."""
    try:
        return EntryId.parse(text)
    except ValueError:
        raise ValueError(_wanted(partitions)) from None


def _wanted(partitions: int) -> str:
    return f"a cursor of {partitions} partitions is one that a stream told, or 0-0"


class Places:
    """The cursors of a reader that goes on in one partition and stands still in the others."""

    def __init__(self, ids: Sequence[EntryId], partition: int, last: EntryId) -> None:
        self._newest = max(*(each.ms for each in ids), last.ms)
        behind = [_behind(self._newest, each) for each in ids]
        before, after = behind[:partition], behind[partition + 1 :]
        self._head = f"{self._newest}:" + "".join(f"{each}," for each in before)
        self._tail = "".join(f",{each}" for each in after)

    def at(self, entry_id: EntryId) -> bytes:
        """Where the reader stands once it has that entry, which is none after `last`."""
        return f"{self._head}{_behind(self._newest, entry_id)}{self._tail}".encode()


def _behind(newest: int, entry_id: EntryId) -> str:
    behind = f"{newest - entry_id.ms:x}"
    return f"{behind}-{entry_id.seq:x}" if entry_id.seq else behind


def _ahead(newest: int, part: str) -> EntryId:
    found = _BEHIND.fullmatch(part)
    if found is None:
        raise ValueError("a cursor's id is a number, or two with a dash between")
    entry_id = EntryId(newest - int(found[1], 16), int(found[2] or "0", 16))
    if not 0 <= entry_id.ms < _HALF or entry_id.seq >= _HALF:
        raise ValueError("each half of an id is below 2^64")
    return entry_id
