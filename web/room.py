"""A room as this process remembers it: its newest messages, encoded, and who listens."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile

import msgspec

from messenger.entries import START, EntryId
from web.lengths import SHORT
from web.live import Erased, Held, Live, Present
from web.pieces import LongList, Pieces, joined
from web.remembered import Budget
from web.subscriber import Subscriber, hand_out

# Pages of so many lengths are kept ready; people ask for one or two.
_PAGES = 4


class Page(msgspec.Struct):
    """The newest messages, in chat order, joined. Good until `expires_at` or the next change.
    `older_than` is the id before which the next page begins; None if there is none. A page that is
    not whole goes on in the view. `head` and `etag` are for whoever answers with it: made once, like
    the body."""

    held: list[Held]
    body: bytes
    expires_at: int
    older_than: EntryId | None
    is_whole: bool
    head: bytes | None = None
    etag: str = ""


class Room:
    """`floor` is the last id that was let go for want of room here: older ones are read from the view
    (a page) or from the log (a resume). `expired_to` is the last whose time was over: whoever asks from
    before it has missed something."""

    def __init__(self, name: str, expired_to: EntryId, budget: Budget) -> None:
        self.name = name
        self._budget = budget
        self.floor = START
        self.expired_to = expired_to
        self.subscribers: set[Subscriber] = set()
        # When they were last told how many are here, by the event loop's clock.
        self.told_at = float("-inf")
        self._to_tell: list[Subscriber] = []
        # How many messages are remembered; all that live, unless `reaches_beyond`.
        self.messages = 0
        self._known: dict[EntryId, Held | Erased] = {}
        self._pages: dict[int, Page] = {}
        # Where a long list is kept ready.
        self._pieces: Pieces | None = None
        self._last_expiry: int | None = 0
        self._last_id: EntryId | None = START
        # When the last of those goes that were let go for want of room.
        self._beyond_until = 0

    def is_empty(self, now: int) -> bool:
        return not self._known and not self.subscribers and self._beyond_until <= now

    def take(self, event: Held | Erased) -> None:
        """Takes in the log's next event of this room."""
        self._pages.clear()
        self._budget.take(event)
        if isinstance(event, Erased):
            self._let_go(EntryId.parse(event.message))
        else:
            self.messages += 1
            self._last_id = event.id
            if self._last_expiry is not None:
                self._last_expiry = max(self._last_expiry, event.expires_at)
        self._known[event.id] = event
        while len(self._known) > self._budget.most:
            self.floor = next(iter(self._known))
            self._let_go_for_room(self.floor)

    def expire(self, entry_id: EntryId) -> bool:
        """Lets go of what is over; whether it was a message. One that was not remembered any more was
        this room's too."""
        if isinstance(self._let_go(entry_id), Erased):
            return False
        self.expired_to = max(self.expired_to, entry_id)
        return True

    def trim(self, to: EntryId, now: int) -> bool:
        """Lets go of what the store had to cut, up to and with an id; whether there may have been any,
        also among those that were let go before."""
        cut = list(takewhile(lambda entry_id: entry_id <= to, self._known))
        for entry_id in cut:
            self._let_go(entry_id)
        had_more = self.reaches_beyond(now)
        if to >= self.floor:
            self._beyond_until = 0
        return bool(cut) or had_more

    def skip(self, to: EntryId, until: int) -> None:
        """Up to an id there was more than there is room for here; the last of it goes at `until`."""
        for entry_id in [each for each in self._known if each <= to]:
            self._let_go_for_room(entry_id)
        self.floor = max(self.floor, to)
        self._beyond_until = max(self._beyond_until, until)

    def get(self, entry_id: EntryId, now: int) -> Held | None:
        event = self._known.get(entry_id)
        return event if isinstance(event, Held) and event.expires_at > now else None

    def after(self, cursor: EntryId, now: int) -> list[Held | Erased]:
        """What is remembered after an id and still lives, oldest first."""
        newest = list(takewhile(lambda event: event.id > cursor, self._newest_first(now)))
        return newest[::-1]

    def before(self, entry_id: EntryId, limit: int, now: int) -> list[Held]:
        """Up to `limit` of the messages before an id that are remembered, oldest first."""
        ids = list(self._known)  # a look at each of them takes ten times as long
        older = reversed(ids[: bisect_left(ids, entry_id)])
        return list(islice(self._living(older, now), limit))[::-1]

    def next(self, entry_id: EntryId, limit: int, now: int) -> list[Held]:
        """Up to `limit` of the messages after an id that are remembered, oldest first."""
        ids = list(self._known)
        return list(islice(self._living(ids[bisect_right(ids, entry_id) :], now), limit))

    def newest(self, limit: int, now: int) -> Page:
        """The newest page; made once and handed out until it changes."""
        page = self._pages.get(limit)
        if page is None or page.expires_at <= now:
            if len(self._pages) >= _PAGES:
                self._pages.clear()
            page = self._pages[limit] = self._page(limit, now)
        return page

    def long_list(self, limit: int, now: int) -> LongList | None:
        """The newest of what is remembered; None where a short page has as many or more."""
        if len(self._known) <= SHORT:
            return None
        if self._pieces is None:
            self._pieces = Pieces(self._known)
            self._budget.keep_ready(self._forget_list)
        found = self._pieces.newest(limit, now)
        if found.count <= SHORT and not found.has_older:
            return None
        found.has_older = found.has_older or self.floor > START
        return found

    def forget(self) -> None:
        """All that it has is no more, and neither is it."""
        for event in self._known.values():
            self._budget.let_go(event)
        self._known.clear()
        self._pages.clear()
        self._forget_list()
        self._budget.not_ready(self._forget_list)

    def _forget_list(self) -> None:
        self._pieces = None

    def last_expiry(self, now: int) -> int:
        """When the last living message goes; 0 if none lives."""
        if self._last_expiry is None:
            lives = (each.expires_at for each in self._known.values() if isinstance(each, Held))
            self._last_expiry = max(lives, default=0)
        last = max(self._last_expiry, self._beyond_until)
        return last if last > now else 0

    def last_id(self) -> EntryId:
        """The id of the newest message that is remembered; START if there is none."""
        if self._last_id is None:
            newest = (each.id for each in reversed(self._known.values()) if isinstance(each, Held))
            self._last_id = next(newest, START)
        return self._last_id

    def newest_event(self, at: int) -> Held | Erased | None:
        """The last that was told here, is remembered, and is not over by a time."""
        return next(self._newest_first(at), None)

    def reaches_beyond(self, now: int) -> bool:
        """Whether messages may live that were let go for want of room, all older than `floor`."""
        return self._beyond_until > now

    def broadcast(self, events: Sequence[Live]) -> int:
        """Hands events to every subscriber; how many events that were, counted for each."""
        subscribers = tuple(self.subscribers)
        hand_out(events, subscribers)
        return len(events) * len(subscribers)

    def tell(self, here: int, most: int, now: float) -> bool:
        """Tells how many are here to those who were told another number, at most so many of them at a
        time; each has a turn. True once all know. One who waits for the hello reads it there."""
        is_first = not self._to_tell
        if is_first:
            self._to_tell = [each for each in self.subscribers if each.here not in (None, here)]
        turn, self._to_tell = self._to_tell[:most], self._to_tell[most:]
        some = [each for each in turn if each.here != here]
        if some:
            self.told_at = now
            for subscriber in some:
                subscriber.here = here
            hand_out([Present(self.name, here)], some)
        return is_first and not self._to_tell

    def _let_go(self, entry_id: EntryId) -> Held | Erased | None:
        self._pages.clear()
        event = self._known.pop(entry_id, None)
        if event is not None:
            self._budget.let_go(event)
            if self._pieces is not None:
                self._pieces.let_go(entry_id)
        if isinstance(event, Held):
            self.messages -= 1
            if entry_id == self._last_id:
                self._last_id = None  # found again when somebody asks
        if event is not None and event.expires_at == self._last_expiry:
            self._last_expiry = None  # this too
        return event

    def _let_go_for_room(self, entry_id: EntryId) -> None:
        beyond = self._let_go(entry_id)
        if isinstance(beyond, Held):
            self._beyond_until = max(self._beyond_until, beyond.expires_at)

    def _newest_first(self, now: int) -> Iterator[Held | Erased]:
        return (event for event in reversed(self._known.values()) if event.expires_at > now)

    def _living(self, ids: Iterable[EntryId], now: int) -> Iterator[Held]:
        events = map(self._known.__getitem__, ids)
        return (each for each in events if isinstance(each, Held) and each.expires_at > now)

    def _page(self, limit: int, now: int) -> Page:
        newest = list(islice(self._living(reversed(self._known), now), limit + 1))[::-1]
        has_older = len(newest) > limit or self.floor > START
        newest = newest[-limit:]
        return Page(
            held=newest,
            body=joined(newest),
            expires_at=min((held.expires_at for held in newest), default=2**63),
            older_than=newest[0].id if has_older and newest else None,
            is_whole=len(newest) == limit or self._beyond_until <= now,
        )
