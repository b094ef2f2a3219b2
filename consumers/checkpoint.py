"""How far a group is on one log, kept beside it: the group is made again there if it is lost."""

from collections.abc import Sequence

import msgspec

from consumers.group import GroupGone
from consumers.membership import Membership
from messenger.entries import EntryId
from messenger.errors import StoreUnavailable, StoreUnfit
from messenger.log import Log
from messenger.replies import Reply
from messenger.scripts import load

_JOIN = load("consumers", "join", parts=("groups",))
_KEEP = load("consumers", "keep", parts=("groups",))


class Kept(msgspec.Struct, frozen=True):
    """What a sign of life has brought. Of the expired entries `expired` is how many there are by now,
    and `told` how many were reported; `trimmed_to` is '' where there is nothing to report."""

    epoch: str
    now: int
    window: int
    expired: int
    told: int
    trimmed_to: str
    lost: list[EntryId]


class Checkpoint:
    def __init__(self, log: Log, membership: Membership) -> None:
        keys = log.keys
        self._pipe = log.store.pipe
        self._keys = [keys.log, keys.meta, keys.group(membership.group)]
        self._membership = membership
        self._partitions = log.partitions
        self.epoch = ""
        self.is_new = False

    async def join(self, begin: EntryId) -> bool:
        """Makes the group if it is not there, a new one after `begin`. Whether the log has begun anew
        since the group was in it.

        Raises StoreUnavailable while there is no log, StoreUnfit if it has other partitions by now.
        """
        group = self._membership.group
        reply = await self._pipe.run(
            _JOIN, self._keys, [group, str(begin), self.epoch, self._partitions]
        )
        if not reply:
            raise StoreUnavailable("the log is not there; a messenger makes it when it starts")
        self._require_partitions(reply)
        outcome, epoch, before = reply
        self.is_new = outcome == b"made"
        before, self.epoch = self.epoch or before.decode(), epoch.decode()
        return before not in ("", self.epoch)

    async def keep(
        self, held: Sequence[EntryId], told: int | None = None, trimmed_to: str = ""
    ) -> Kept:
        """A sign of life; says also what has been reported. Raises GroupGone, and StoreUnfit as join."""
        reply = await self._pipe.run(
            _KEEP,
            self._keys,
            [
                self._membership.group,
                self._membership.name,
                "" if told is None else told,
                trimmed_to,
                self._partitions,
                *map(str, held),
            ],
        )
        if reply is None:
            raise GroupGone
        self._require_partitions(reply)
        epoch, now, window, expired, reported, cut, lost = reply
        ids = [EntryId.read(each) for each in lost]
        return Kept(epoch.decode(), now, window, expired, reported, cut.decode(), ids)

    def _require_partitions(self, reply: Reply) -> None:
        if reply[0] == b"partitions":
            raise StoreUnfit(
                f"the store has {int(reply[1])} partitions now and had {self._partitions}; "
                "start the consumer again"
            )
