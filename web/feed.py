"""The feed: what the web process serves, from memory that one tail a partition fills."""

import heapq
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from messenger.clock import StoreClock
from messenger.entries import START, EntryId
from messenger.fields import Id, Moment, Readers
from messenger.fields import Room as RoomName
from messenger.keys import partition_of
from messenger.log import Logs
from web.everything import Everything
from web.listed import living
from web.live import Beat, Erased, Gap, Held, Hello, Live, live_of
from web.partition import Partition
from web.pieces import LongList
from web.remembered import Budget
from web.room import Page, Room
from web.subscriber import Subscriber


class RoomFacts(msgspec.Struct, frozen=True):
    """A room with living messages. Times are milliseconds by the store's clock. `last_id` is unset
    where no message that lives is remembered, and `last_posted_at` then too late; `messages` where
    more may live than are remembered."""

    room: RoomName
    last_posted_at: Moment
    expires_at: Annotated[Moment, Meta(description="When the last of its messages goes.")]
    here: Readers
    last_id: Id | UnsetType = UNSET
    messages: Annotated[int, Meta(description="How many live.")] | UnsetType = UNSET


class Missed(msgspec.Struct, frozen=True):
    """What a reader missed: `events` in the log's order, all up to `cursor` that it can be given."""

    gap: Gap | None
    events: list[Held | Erased]
    cursor: EntryId

    @property
    def told(self) -> list[Live]:
        return [*([self.gap] if self.gap else []), *self.events]


class Feed:
    def __init__(self, logs: Logs) -> None:
        self.clock = StoreClock()
        self.window = logs.settings.window
        # All live connections, those that still wait for their history among them.
        self.subscribers: set[Subscriber] = set()
        self.everything = Everything(self.cursors)
        self.budget = Budget()
        self.partitions = [
            Partition(log, self.clock, self.everything, self.budget) for log in logs.all
        ]

    def of(self, room: str) -> Partition:
        if len(self.partitions) == 1:
            return self.partitions[0]
        return self.partitions[partition_of(room, len(self.partitions))]

    def cursors(self) -> list[EntryId]:
        """Up to where each partition has been handed out."""
        return [partition.cursor for partition in self.partitions]

    @property
    def is_ready(self) -> bool:
        return all(partition.is_ready for partition in self.partitions)

    def take_over(self, fresh: "Feed") -> None:
        """Serves from now on what another feed has read. Every reader has to come back, as after a
        restart."""
        self.clock, self.window = fresh.clock, fresh.window
        self.everything, self.partitions = fresh.everything, fresh.partitions
        self.budget = fresh.budget
        for subscriber in tuple(self.subscribers):
            subscriber.end("restart")

    def newest(self, name: str, limit: int, now: int) -> Page:
        """The newest page of a room at a time; StoreUnavailable while the log is still being read."""
        return self._loaded_room(name).newest(limit, now)

    def long_list(self, name: str, limit: int, now: int) -> LongList | None:
        """As Room.long_list; StoreUnavailable while the log is still being read."""
        return self._loaded_room(name).long_list(limit, now)

    def get(self, name: str, message: EntryId) -> Held | None:
        room = self.of(name).rooms.get(name)
        return room.get(message, self.clock.now()) if room else None

    def rooms(self, most: int) -> list[RoomFacts]:
        """The rooms with living messages, the last spoken in first."""
        now = self.clock.now()
        found: list[tuple[EntryId, str]] = []
        for partition in self.partitions:
            found += living(partition, now)
        newest = heapq.nlargest(most, found)
        return [self._facts(self.of(name), name, last, now) for last, name in newest]

    def here(self, name: str) -> int:
        """How many are in a room, over all web processes."""
        return self.of(name).here.count(name)

    def before(self, name: str, entry_id: EntryId, limit: int, least: int) -> list[Held] | None:
        """A page before an id, oldest first; None where memory does not reach back far enough for the
        least."""
        room = self._loaded_room(name)
        if START < entry_id <= room.floor:
            return None  # none of what is remembered is so old
        held = room.before(entry_id, limit, self.clock.now())
        return held if len(held) >= least or room.floor == START else None

    def after(self, name: str, entry_id: EntryId, limit: int) -> list[Held] | None:
        """A page after an id, oldest first; None where memory does not reach back far enough."""
        room = self._loaded_room(name)
        if entry_id < room.floor:
            return None
        return room.next(entry_id, limit, self.clock.now())

    async def subscribe(
        self, name: str, cursor: EntryId | None, subscriber: Subscriber
    ) -> list[Live]:
        """Puts a subscriber behind its gate and gives what it must be sent before the gate opens:
        a hello, what it missed since its cursor, and after a gap the id up to which it has all.

        Between this process's memory and the subscription no event of the loop can come: nothing is
        missed, nothing doubled. What memory let go of is read from the log.
        """
        self.subscribers.add(subscriber)
        partition = self.of(name)
        await self.reach(name, cursor)
        self.listen(name, subscriber)
        begin = partition.cursor if cursor is None else cursor
        missed = await self.missed(name, begin)
        subscriber.here = partition.here.count(name)
        now = self.clock.now()
        hello = Hello(begin, partition.epoch, now, self.window, subscriber.here)
        after_gap = [Beat(missed.cursor, now)] if missed.gap else []
        return [hello, *missed.told, *after_gap]

    async def reach(self, name: str, cursor: EntryId | None) -> None:
        """As Partition.reach; StoreUnavailable while the log is being read."""
        partition = self.of(name)
        partition.require_loaded()
        if cursor is not None:
            await partition.reach(cursor)

    def listen(self, name: str, subscriber: Subscriber) -> None:
        """From now on the subscriber is handed what comes in the room."""
        self.subscribers.add(subscriber)
        partition = self.of(name)
        room = partition.room(name)
        room.subscribers.add(subscriber)
        partition.here.listen(name, len(room.subscribers))

    async def missed(self, name: str, cursor: EntryId, most: int | None = None) -> Missed:
        """What came in a room after an id and still lives, and what can't be given any more; with
        `most` not more than so many events, the oldest."""
        partition = self.of(name)
        room = partition.room(name)
        gap = partition.gap(cursor, room.expired_to)
        after = START if gap is not None and gap.reason == "reset" else cursor
        history, floor, reached = room.after(after, 0), room.floor, partition.cursor
        if after < floor:
            older = await self._older(partition, name, after, floor, most)
            if most is not None and len(older) >= most:
                history, reached = [], older[-1].id
            history = older + history
        now = self.clock.now()
        # First: what is over now, and so left out here, is then known to be missing.
        partition.forget(now)
        if gap is None or gap.reason != "reset":
            gap = partition.gap(cursor, room.expired_to)
        living = [event for event in history if event.expires_at > now]
        if most is not None and len(living) > most:
            living = living[:most]
            reached = living[-1].id
        return Missed(gap, living, reached)

    def unsubscribe(self, name: str, subscriber: Subscriber) -> None:
        self.subscribers.discard(subscriber)
        partition = self.of(name)
        room = partition.rooms.get(name)
        if room is not None and subscriber in room.subscribers:
            room.subscribers.remove(subscriber)
            partition.here.listen(name, len(room.subscribers))

    def _facts(self, partition: Partition, name: str, last: EntryId, now: int) -> RoomFacts:
        room = partition.rooms[name]
        return RoomFacts(
            room=name,
            last_posted_at=last.ms,
            expires_at=room.last_expiry(now),
            here=partition.here.count(name),
            last_id=UNSET if last == room.floor else str(last),
            messages=UNSET if room.reaches_beyond(now) else room.messages,
        )

    async def _older(
        self, partition: Partition, name: str, after: EntryId, floor: EntryId, most: int | None
    ) -> list[Held | Erased]:
        """A room's history from the log, after an id and up to what memory still has; no further than
        `most` events need."""
        older: list[Held | Erased] = []
        while most is None or len(older) < most:
            page = await partition.log.range(after, floor)
            if not page:
                break
            after = page[-1].id
            found = [live_of(entry, partition.window) for entry in page]
            older += [each[1] for each in found if each and each[0] == name]
        await partition.learn_trimmed()
        return older

    def _loaded_room(self, name: str) -> Room:
        """The room, or an empty one; StoreUnavailable while the log is still being read."""
        partition = self.of(name)
        partition.require_loaded()
        return partition.rooms.get(name) or Room(name, START, self.budget)
