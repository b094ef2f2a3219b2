"""What may have happened to a log while its tail was away: it may have lost its end.

A power cut takes what was not yet synced, a failover what was not yet replicated. The history is the
same, and its epoch; but readers were shown what is no more, and new entries may get ids that the tail
believes to have passed.
"""

from collections.abc import Sequence

from messenger.entries import START, EntryId
from messenger.errors import Repartitioning
from messenger.events import MessageErased
from messenger.log import REPARTITIONING, Log
from messenger.replies import Rejected
from web.live import Erased, Held


async def look_again(log: Log, position: EntryId, known: Sequence[Held | Erased]) -> EntryId | None:
    """The id of the newest entry that ever was; None where something up to `position` was taken that
    was there before. `known` must still be there, unless somebody has erased it: the newest is looked
    for."""
    newest = max(known, key=lambda event: event.id, default=None)
    last = await _last_of(log)
    if last < position:
        return None
    if newest is None or await log.entry(newest.id) or await _is_erased(log, newest.id):
        return last
    return None


async def trimmed_to(log: Log) -> EntryId:
    """The last entry that was cut before its time, for who has just read the log. Raises Repartitioning
    where some of what was in it may be elsewhere by now."""
    cut, partitions = await log.store.pipe.call("HMGET", log.keys.meta, "trimmed_to", "partitions")
    if partitions is not None and int(partitions) != log.partitions:
        raise Repartitioning(REPARTITIONING)
    return EntryId.read(cut) if cut else START


async def _last_of(log: Log) -> EntryId:
    try:
        facts = await log.store.pipe.call("XINFO", "STREAM", log.keys.log)
    except Rejected:  # the log is not there
        return START
    return EntryId.read(facts[facts.index(b"last-generated-id") + 1])


async def _is_erased(log: Log, message: EntryId) -> bool:
    after = message
    while page := await log.range(after):
        for entry in page:
            if isinstance(entry.event, MessageErased) and entry.event.message == str(message):
                return True
        after = page[-1].id
    return False
