"""The firehose: all rooms of all partitions, or some by name, for who holds the operator's token."""

from collections.abc import AsyncGenerator, Sequence

import msgspec
from aiohttp import web

from messenger import wording
from messenger.entries import START, Entry, EntryId
from messenger.errors import BadRequest, Repartitioning
from messenger.keys import partition_of
from messenger.log import PAGE, REPARTITIONING
from web import cursors, shapes
from web.appkeys import AUDIT, FEED
from web.events import stream
from web.everything import Everything, Scope, beat
from web.feed import Feed
from web.live import Erased, Gap, Held, Live, Told, live_of
from web.partition import Partition
from web.queries import cursor_text_of
from web.sockets import converse, require_upgrade
from web.sources import cut, pieces
from web.subscriber import Subscriber
from web.tokens import require_operator

_MOST_ROOMS = 100

_encode = msgspec.json.Encoder().encode


async def events(request: web.Request) -> web.StreamResponse:
    require_operator(request)
    source = _source_of(request)
    request.app[AUDIT].done(request, "listen", "events", "begun")
    return await stream(request, source)


async def socket(request: web.Request) -> web.StreamResponse:
    require_upgrade(request)
    require_operator(request)
    source = _source_of(request)
    request.app[AUDIT].done(request, "listen", "socket", "begun")
    return await converse(request, source, None)


class Firehose:
    """A source. `after` is where its reader stands in each partition; None is now."""

    def __init__(self, feed: Feed, scope: Scope, after: list[EntryId] | None) -> None:
        self._feed = feed
        self._scope = scope
        self._after = after
        self._of = feed.partitions
        self._partitions = [feed.partitions[each] for each in sorted(scope.partitions)]

    async def begin(self, subscriber: Subscriber) -> AsyncGenerator[Sequence[Live], None]:
        self._feed.subscribers.add(subscriber)
        if self._of is not self._feed.partitions:
            raise Repartitioning(REPARTITIONING)
        for partition in self._feed.partitions:
            partition.require_loaded()
        if self._after is None:
            self._feed.everything.listeners[subscriber] = self._scope
            return pieces([self._hello(self._feed.cursors())])
        for partition in self._partitions:
            await partition.reach(self._after[partition.index])
        return self._opening(subscriber, self._after)

    def leave(self, subscriber: Subscriber) -> None:
        self._feed.subscribers.discard(subscriber)
        self._feed.everything.listeners.pop(subscriber, None)

    async def _opening(
        self, subscriber: Subscriber, after: list[EntryId]
    ) -> AsyncGenerator[Sequence[Live], None]:
        """History may be long: it is read from the logs a page at a time, and most of it before the
        gate is set up. What is left then is short, and what comes meanwhile waits behind the gate."""
        stands = [*after]
        yield [self._hello(stands)]
        histories = [_History(self._feed, each, self._scope, stands) for each in self._partitions]
        for history in histories:
            async for told in history.read(history.partition.cursor):
                yield told
        self._feed.everything.listeners[subscriber] = self._scope
        until = self._feed.cursors()
        for history in histories:
            async for told in history.read(until[history.partition.index]):
                yield told
        yield [beat(until, self._feed.clock.now())]

    def _hello(self, stands: Sequence[EntryId]) -> Told:
        cursor = cursors.write(stands)
        data = shapes.FirehoseHello(
            cursor=cursor,
            epoch=",".join(each.epoch for each in self._feed.partitions),
            now=self._feed.clock.now(),
            window=self._feed.window,
            partitions=len(stands),
        )
        return Told(b"hello", _encode(data), cursor.encode())


class _History:
    """One partition's part of a history. `stands` is where the reader stands in all of them, and is
    moved on by what it is told."""

    def __init__(
        self, feed: Feed, partition: Partition, scope: Scope, stands: list[EntryId]
    ) -> None:
        self.partition = partition
        self._feed = feed
        self._scope = scope
        self._stands = stands
        # Who asks for all that lives misses nothing of what does not.
        self._may_miss = stands[partition.index] != START
        self._told_to = START

    async def read(self, until: EntryId) -> AsyncGenerator[Sequence[Live], None]:
        """What came up to an id: a gap where something is missing, then what lives."""
        index, page = self.partition.index, None
        while page is None or len(page) == PAGE:
            if gap := self._new_history():
                yield [self._gap(gap)]
            after = self._stands[index]
            page = await self.partition.log.range(after, until)
            await self.partition.learn_trimmed()
            now = self._feed.clock.now()
            # First: what is over now, and so left out here, is then known to be missing.
            self.partition.forget(now)
            if gap := self._missing(after):
                yield [self._gap(gap)]
            for piece in cut(self._living(page, now)):
                yield Everything.placed(self._stands, index, piece)
            self._stands[index] = page[-1].id if len(page) == PAGE else until

    def _new_history(self) -> Gap | None:
        """Where the reader stands in another history than this; then it gets all that lives."""
        index = self.partition.index
        gap = self.partition.gap(self._stands[index], START)
        if gap is None or gap.reason != "reset":
            return None
        self._stands[index] = START
        self._may_miss = False
        return gap

    def _missing(self, after: EntryId) -> Gap | None:
        """What is over or was cut after an id, unless that was told before."""
        gap = self.partition.gap(after, self._expired_to()) if self._may_miss else None
        if gap is None or gap.until <= self._told_to:
            return None
        self._told_to = gap.until
        return gap

    def _expired_to(self) -> EntryId:
        partition, rooms = self.partition, self._scope.rooms
        if rooms is None:
            return partition.rooms.expired_to
        return max(partition.room(each).expired_to for each in rooms if self._is_here(each))

    def _is_here(self, room: str) -> bool:
        return self._feed.of(room) is self.partition

    def _living(self, page: Sequence[Entry], now: int) -> list[Held | Erased]:
        found = (live_of(entry, self.partition.window) for entry in page)
        rooms = (each for each in found if each and self._scope.has(each[0]))
        return [event for _, event in rooms if event.expires_at > now]

    def _gap(self, gap: Gap) -> Told:
        return Everything.placed_gap(self._stands, self.partition.index, gap)


def _source_of(request: web.Request) -> Firehose:
    feed = request.app[FEED]
    return Firehose(feed, _scope_of(request, len(feed.partitions)), _cursors_of(request))


def _scope_of(request: web.Request, partitions: int) -> Scope:
    text = request.query.get("rooms")
    if text is None:
        return Scope(None, frozenset(range(partitions)))
    names = text.split(",")
    if len(names) > _MOST_ROOMS:
        raise BadRequest(
            f"rooms are {len(names)} names; {_MOST_ROOMS} are allowed, with commas between",
            code="bad-query",
        )
    rooms = frozenset(map(wording.check_room, names))
    return Scope(rooms, frozenset(partition_of(each, partitions) for each in rooms))


def _cursors_of(request: web.Request) -> list[EntryId] | None:
    found = cursor_text_of(request)
    if found is None:
        return None
    name, text = found
    try:
        return cursors.parse(text, len(request.app[FEED].partitions))
    except ValueError as error:
        raise BadRequest(f"{name}: {error}", code="bad-cursor") from None
