"""Dead letters: entries that a group can't handle, kept with the reason, no longer than a message."""

from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log
from messenger.scripts import load

_BURY = load("consumers", "bury", parts=("groups", "letters"))


class DeadLetters:
    """The dead letters of a group on one log."""

    def __init__(self, of: Log, group: str = PROJECTOR) -> None:
        self._log = of
        self._keys = of.keys
        self._group = group

    async def bury(self, entry: EntryId, error: str, attempts: int) -> bool:
        """Acks an entry and keeps it, as it stands in the log, with what is wrong with it; False if
        somebody else had acked it, or its time is over."""
        keys = self._keys
        buried = await self._log.store.pipe.run(
            _BURY,
            [keys.log, keys.meta, keys.letters, keys.dead(self._group)],
            [self._group, str(entry), error, attempts],
        )
        return bool(buried == 1)
