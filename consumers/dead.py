"""Dead letters: entries that can't be applied, kept with the reason, and no longer than a message."""

import logging

from messenger.entries import Entry
from messenger.events import Malformed
from messenger.keys import PROJECTOR
from messenger.log import Log
from messenger.scripts import load

log = logging.getLogger(__name__)

_BURY = load("consumers", "bury")


class DeadLetters:
    """The dead letters of the projector on one log."""

    def __init__(self, of: Log) -> None:
        self._log = of

    async def bury(self, entry: Entry, malformed: Malformed) -> bool:
        """Acks an entry and keeps it, as it stands in the log, with what is wrong with it."""
        keys = self._log.keys
        raw = await self._log.store.pipe.call("XRANGE", keys.log, str(entry.id), str(entry.id))
        payload = raw[0][1] if raw else []
        buried = await self._log.store.pipe.run(
            _BURY,
            [keys.log, keys.dead(PROJECTOR)],
            [PROJECTOR, str(entry.id), malformed.reason, *payload],
        )
        log.warning("buried entry %s: %s", entry.id, malformed.reason)
        return bool(buried)
