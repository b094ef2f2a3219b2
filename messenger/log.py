"""One partition's log: settle, append, erase, range. The only writer of its entries.

`Log` speaks for one partition, `Logs` finds the one of a room.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from messenger.address import Argument
from messenger.ancestors import Ancestors
from messenger.connection import Store
from messenger.entries import START, Entry, EntryId, read_entry
from messenger.errors import (
    BadField,
    NotFound,
    Repartitioning,
    StoreUnavailable,
)
from messenger.events import MessagePosted
from messenger.keys import MINUTE_LIFE_MS, Keys, partition_of
from messenger.limits import UNLIMITED, Limits
from messenger.lives import check_ttl, life_of
from messenger.pipe import Settle
from messenger.replies import Reply
from messenger.scripts import load
from messenger.settings import Settings
from messenger.standing import Standing

log = logging.getLogger(__name__)

PAGE = 1_000
REPARTITIONING = "the store gets more partitions just now; try again in a moment"
# For how long a key that we made ourselves is remembered: longer than any request of ours lasts.
_OWN_KEY_MS = 30_000

_APPEND = load("messenger", "append", parts=("views", "groups", "forget"), late="forget, is_after")
_ERASE = load("messenger", "erase", parts=("views", "groups", "letters"))
_SETTLE = load("messenger", "settle", parts=("views", "groups"))


class Post(msgspec.Struct, frozen=True):
    """What somebody wants to say. `ttl` None is the whole window; `key` None is no Idempotency-Key;
    `visitor` None is somebody whom no rate limits."""

    room: str
    author: str
    text: str
    ttl: int | None = None
    key: str | None = None
    visitor: str | None = None


class Appended(msgspec.Struct, frozen=True):
    """What became of a post. `standings` are the limits that were charged for it."""

    id: EntryId
    ttl: int
    now: int
    is_new: bool
    standings: list[Standing] = []


class Fresh(NamedTuple):
    """A new entry as the store has it, the id of the one before it (START: there was none), and when."""

    entry: Entry
    before: EntryId
    now: int


# Is handed a new entry, and the future to settle with the result once it may be told of.
Hold = Callable[[Fresh, asyncio.Future[Reply], Reply], None]


class Facts(msgspec.Struct, frozen=True):
    """A partition's standing facts. `epoch` is the identity of the log's history: `ms-random`."""

    epoch: str
    secret: bytes
    last: EntryId
    window: int
    birth: EntryId  # no entry of this history is older


def member(entry_id: EntryId) -> str:
    """The id as a member of a room's index: padded, so that the order of text is the order of ids."""
    return f"{entry_id.ms:013}-{entry_id.seq:020}"


class Log:
    def __init__(self, store: Store, partition: int, settings: Settings) -> None:
        self.store = store
        self.keys = Keys(partition)
        # For what is promised to be kept, and so must be known to be.
        wanted = settings.replicas
        self._keeping = store.confirmed(self.keys.mark, wanted) if wanted else store.pipe
        self.window = settings.window
        self.partitions = settings.partitions
        self._limits = Limits(settings)
        self._process = secrets.token_hex(16)
        self._number = itertools.count()
        self.facts: Facts | None = None
        self.ancestors: Ancestors | None = None

    async def settle(self) -> Facts:
        """Makes the partition ready for use, and learns its facts.

        Raises Repartitioning where the store has another number of partitions.
        """
        reply = await self._settle("")
        if reply[0] == b"longer":
            reply = await self._settle(str(await self._write_expiring(int(reply[1]))))
        if reply[0] == b"partitions":
            raise Repartitioning(
                f"the store has {reply[1]} partitions, and not {self.partitions}; try again in a moment"
            )
        _, epoch, secret, last, window, before = reply
        self.ancestors = Ancestors(self.store, self.keys, before, window) if before else None
        birth = EntryId(int(epoch.split(b"-")[0]), 0)
        self.facts = Facts(epoch.decode(), secret, EntryId.read(last), window, birth)
        return self.facts

    async def append(self, post: Post, hold: Hold | None = None) -> Appended:
        """Appends a post. The same key gives the same id for as long as the message lives. `hold` says
        when this is told of a new entry, if the store answers at once.

        Raises BadField (invalid-ttl, key-reused), TooFast, StoreFull, StoreUnavailable; Repartitioning,
        and then nothing was appended.
        """
        ttl = check_ttl(post.ttl, self.window)
        if self.ancestors and post.key is not None:
            seen = await self.ancestors.seen(post.room, post.key, _fingerprint(post))
            if seen is not None:
                return self._appended(seen)
        keys, args = self._append_call(post, ttl)
        reply = await self._keeping.run(_APPEND, keys, args, hold and self._settling(post, hold))
        if isinstance(reply, Appended):
            return reply
        if reply[0] == b"unsettled":
            await self.settle()
            reply = await self._keeping.run(_APPEND, keys, args)
        return self._appended(reply)

    async def erase(self, room: str, message: EntryId, by: str) -> EntryId:
        """Erases a message's text from log and view; the id of the event that says so, or of the
        message if it was erased before. NotFound: no such message lives in the room."""
        keys = self.keys
        reply = await self._keeping.run(
            _ERASE,
            [keys.log, keys.meta, keys.expiring, keys.minute(message.ms), keys.letters],
            [str(message), room, by, member(message), MINUTE_LIFE_MS, self.partitions],
        )
        if reply[0] == b"moved":
            raise Repartitioning(REPARTITIONING)
        if reply[0] == b"missing":
            raise NotFound(f"there is no message {message} in the room")
        return EntryId.read(reply[1]) if reply[1] else message

    async def range(
        self, after: EntryId, until: EntryId | None = None, count: int = PAGE
    ) -> list[Entry]:
        """Up to `count` entries after an id, up to and with another, the oldest first. What has
        expired but is still stored is among them: the reader judges by the clock."""
        low = "-" if after == START else f"({after}"
        raw = await self.store.pipe.call(
            "XRANGE", self.keys.log, low, str(until) if until else "+", "COUNT", count
        )
        return [read_entry(entry) for entry in raw]

    async def entry(self, entry_id: EntryId) -> Entry | None:
        raw = await self.store.pipe.call("XRANGE", self.keys.log, str(entry_id), str(entry_id))
        return read_entry(raw[0]) if raw else None

    def erase_token(self, entry_id: EntryId) -> str:
        """What an author shows to erase a message: made from the store's secret, kept nowhere."""
        if self.facts is None:
            raise StoreUnavailable("the store was not reached yet")
        return blake2b(str(entry_id).encode(), key=self.facts.secret, digest_size=16).hexdigest()

    async def _settle(self, expiring_written_to: str) -> Reply:
        keys = self.keys
        return await self.store.pipe.run(
            _SETTLE,
            [keys.log, keys.meta, keys.expiring, keys.secret],
            [
                self.partitions,
                self.window,
                secrets.token_hex(4),
                secrets.token_hex(16),
                expiring_written_to,
            ],
        )

    async def _write_expiring(self, window: int) -> EntryId:
        """Before the window grows: what was posted under the shorter one must still go in its time,
        and the trim no longer sees to that."""
        last = START
        while page := await self.range(last):
            due: list[Argument] = []
            for entry in page:
                due += [entry.id.ms + life_of(entry, window), str(entry.id)]
            await self.store.pipe.call("ZADD", self.keys.expiring, "NX", *due)
            last = page[-1].id
        return last

    def _own_key(self) -> str:
        """The key of a post that came without one: this process's own random word and a number.
        Drawing a random word each time would cost more than the rest of the call."""
        return self.keys.sent_by(self._process, next(self._number))

    def _append_call(self, post: Post, ttl: int) -> tuple[list[str], list[Argument]]:
        """The script's KEYS and ARGV. A post without a key gets one of ours, so that it can be sent
        again when a reply is lost."""
        keys = self.keys
        return (
            [
                keys.log,
                keys.meta,
                keys.expiring,
                self._own_key() if post.key is None else keys.sent(post.room, post.key),
                keys.visitor(post.visitor or "-"),
                keys.spoken(post.room),
                keys.opened(post.visitor or "-"),
            ],
            [
                post.room,
                post.author,
                post.text,
                ttl,
                "" if post.key is None else _fingerprint(post),
                ttl if post.key is not None else min(ttl, _OWN_KEY_MS),
                *(UNLIMITED if post.visitor is None else self._limits.args),
                self.partitions,
            ],
        )

    def _settling(self, post: Post, hold: Hold) -> Settle:
        def settle(waiting: asyncio.Future[Reply], reply: Reply) -> None:
            if reply[0] == b"posted":
                appended = self._appended(reply)
                event = MessagePosted(post.room, post.author, post.text, appended.ttl)
                before = EntryId.read(reply[4])
                hold(Fresh(Entry(appended.id, event), before, appended.now), waiting, appended)
            else:
                waiting.set_result(reply)

        return settle

    def _appended(self, reply: Reply) -> Appended:
        outcome = reply[0]
        if outcome == b"posted":
            _, raw_id, now, ttl, _, *told = reply
            return Appended(EntryId.read(raw_id), ttl, now, True, self._limits.standings(told))
        if outcome == b"seen":
            return Appended(EntryId.read(reply[1]), reply[3], reply[2], False)
        if outcome == b"reused":
            raise BadField(
                "this Idempotency-Key was used in this room for another message", code="key-reused"
            )
        if outcome == b"fast":
            raise self._limits.refusal(reply)
        if outcome == b"moved":
            raise Repartitioning(REPARTITIONING)
        raise StoreUnavailable("the store was emptied just now")


class Logs:
    """The logs of a store, one a partition; `kind` is another kind of log than the usual one."""

    def __init__(self, store: Store, settings: Settings, kind: type[Log] = Log) -> None:
        self.store = store
        self.settings = settings
        self.all = [
            kind(store.of(partition), partition, settings)
            for partition in range(settings.partitions)
        ]

    def of(self, room: str) -> Log:
        if len(self.all) == 1:
            return self.all[0]
        return self.all[partition_of(room, len(self.all))]

    async def settle(self) -> None:
        for each in self.all:
            await each.settle()


def _fingerprint(post: Post) -> str:
    """Two requests with one key are the same if what they ask is the same."""
    asked = msgspec.json.encode([post.author, post.text, post.ttl])
    return blake2b(asked, digest_size=12).hexdigest()
