"""A consumer's share of one partition: what it takes in, and how each delivery ends in the store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from consumers.checkpoint import Checkpoint, Kept
from consumers.dead import DeadLetters
from consumers.delivery import Delivery
from consumers.group import Group, Pending
from consumers.hand import Hand
from consumers.membership import Membership
from consumers.reports import Reporter, Reset
from messenger.clock import StoreClock
from messenger.entries import START, Entry, EntryId
from messenger.events import Event, Malformed, MessageErased, MessagePosted, Vanished
from messenger.log import Log
from messenger.loops import AWAY, Backoff, pause
from messenger.replies import Reply
from messenger.scripts import load

log = logging.getLogger(__name__)

# An entry that has waited longer is looked up again before it is begun with: it may be another's by
# now, erased, or swept.
_FRESH_S = 1.0
# Whoever began with an entry so often has died, by it or by what was handled beside it. It is tried
# alone before it is given up. One that was given out once may not even have been begun with.
_SUSPECT = 2
# Long words say no more about what went wrong.
_LONGEST_ERROR = 4_000

_ACK = load("consumers", "ack", parts=("groups",))
_BEGIN = load("consumers", "begin")
_RELEASE = load("consumers", "release")

_T = TypeVar("_T")


class Share:
    def __init__(
        self, of: Log, membership: Membership, hand: Hand, clock: StoreClock, stop: asyncio.Event
    ) -> None:
        self.partition = of.keys.partition
        self.group = Group(of, membership.group, membership.name)
        self.hand = hand
        self._pipe = of.store.pipe
        self._keys = of.keys
        self._membership = membership
        self._clock = clock
        self._checkpoint = Checkpoint(of, membership)
        self._dead = DeadLetters(of, membership.group)
        self._attempts = membership.retries.attempts
        self._window = of.window
        self._stop = stop

    async def join(self, report: Reporter, begin: EntryId = START) -> None:
        """Makes the group if it is not there; a new history is reported."""
        if await self._checkpoint.join(begin):
            self._begin_anew(report)

    @property
    def is_new(self) -> bool:
        """Whether joining has made the group, which was not there before."""
        return self._checkpoint.is_new

    async def keep(self, report: Reporter, told: int | None = None, trimmed_to: str = "") -> Kept:
        """A sign of life for all that is held. Raises GroupGone."""
        held = self.hand.ids(self.partition)
        kept = await self._checkpoint.keep(held, told, trimmed_to)
        self._clock.look(kept.now)
        self._window = kept.window
        self.hand.lose(self.partition, kept.lost)
        if kept.epoch != self._checkpoint.epoch:
            self._checkpoint.epoch = kept.epoch
            self._begin_anew(report)
        return kept

    async def admit(self, found: Sequence[Pending]) -> None:
        """Takes in what was read: what is to be handled goes into the hand, the rest ends here."""
        skipped: list[EntryId] = []
        expired: list[EntryId] = []
        for entry, times in found:
            event = entry.event
            if isinstance(event, Malformed):
                await self._bury_malformed(entry.id, event, times)
            elif isinstance(event, Vanished):
                expired.append(entry.id)
            elif event is None or self._membership.room not in (None, event.room):
                skipped.append(entry.id)
            else:
                if isinstance(event, MessageErased):
                    skipped += self._forget(event)
                await self._offer(entry, event, times)
        await self._ack(skipped, "skipped")
        await self._ack(expired, "expired_unprocessed")

    async def begin(self, delivery: Delivery) -> bool:
        """Whether the delivery may be handed out now; if not, it is out of hand."""
        if delivery.is_lost:
            verdict = 0
        elif delivery.expires_at <= self._clock.now():
            verdict = -1
        elif delivery.attempt == 1 and _now() - delivery.read_at < _FRESH_S:
            return True
        else:
            verdict = await self.insist(lambda: self._ask(delivery))
        if verdict == 1:
            return True
        if verdict == -1:
            await self._ack([delivery.id], "expired_unprocessed")
        self.hand.done(delivery)
        return False

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        await self._ack([each.id for each in deliveries], "handled")
        for each in deliveries:
            self.hand.done(each)

    async def retry(self, delivery: Delivery, error: BaseException | str) -> bool:
        """Whether the delivery will be tried again; after the last attempt it is buried."""
        if delivery.attempt < self._attempts:
            delivery.attempt += 1
            return True
        kind = error if isinstance(error, str) else type(error).__name__
        words = error if isinstance(error, str) else f"{kind}: {error}"
        log.warning(
            "group %s: entry %s is buried after %d attempts",
            self._membership.group,
            delivery.key,
            delivery.attempt,
        )
        await self._bury(delivery.id, words, delivery.attempt)
        self.hand.done(delivery)
        return False

    async def insist(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """What the call gives. While the store is away it is asked again: what was done must be acked,
        or it is done again. From the stop on it is asked once, and what is not acked comes again."""
        backoff = Backoff()
        while True:
            try:
                return await call()
            except AWAY:
                if self._stop.is_set():
                    raise
                await pause(self._stop, backoff.next_s())

    async def release(self) -> int:
        """Hands back what is held and not done: how many. Others take it at once."""
        args: list[str | int] = [self._membership.group, self._membership.name]
        for each in self.hand.left(self.partition):
            args += [str(each.id), each.attempt - 1]
        return int(await self._pipe.run(_RELEASE, [self._keys.log], args))

    def _begin_anew(self, report: Reporter) -> None:
        self.hand.lose(self.partition)
        report(Reset(self._membership.group, self.partition, self._checkpoint.epoch))

    def _forget(self, erased: MessageErased) -> list[EntryId]:
        """The message, if it is in hand and was not begun with: nobody is to see it any more."""
        waiting = self.hand.waiting(self.partition, EntryId.parse(erased.message))
        if waiting is None:
            return []
        waiting.is_lost = True
        return [waiting.id]

    async def _offer(self, entry: Entry, event: Event, times: int) -> None:
        if times >= max(self._attempts, _SUSPECT + 1):
            await self._bury(entry.id, f"begun with {times} times and never ended", times)
            return
        expires_at = self._expires_at(entry.id, event)
        delivery = Delivery(event, entry.id, self.partition, times + 1, expires_at)
        delivery.traceparent = entry.traceparent
        delivery.read_at = _now()
        delivery.is_alone = times >= _SUSPECT
        self.hand.offer(delivery)

    def _expires_at(self, entry_id: EntryId, event: Event) -> int:
        life = event.ttl if isinstance(event, MessagePosted) else self._window
        return entry_id.ms + life

    async def _ask(self, delivery: Delivery) -> Reply:
        group, consumer = self._membership.group, self._membership.name
        args: list[str | int] = [group, consumer, str(delivery.id), delivery.attempt]
        return await self._pipe.run(_BEGIN, [self._keys.log], args)

    async def _ack(self, ids: Sequence[EntryId], counted_as: str) -> None:
        if ids:
            keys = [self._keys.log, self._keys.meta]
            args = [self._membership.group, counted_as, *map(str, ids)]
            await self.insist(lambda: self._pipe.run(_ACK, keys, args))

    async def _bury_malformed(self, entry_id: EntryId, event: Malformed, times: int) -> None:
        log.warning(
            "group %s: entry %d/%s breaks the contract: %s",
            *(self._membership.group, self.partition, entry_id, event.reason),
        )
        await self._bury(entry_id, event.reason, times)

    async def _bury(self, entry_id: EntryId, error: str, attempts: int) -> None:
        words = error[:_LONGEST_ERROR]
        await self.insist(lambda: self._dead.bury(entry_id, words, attempts))


def as_pending(entries: Sequence[Entry]) -> list[Pending]:
    """New entries: nobody has begun with them."""
    return [Pending(entry, 0) for entry in entries]


def _now() -> float:
    return asyncio.get_running_loop().time()
