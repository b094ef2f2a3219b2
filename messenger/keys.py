"""Every key in the store: its type, its life, who writes it.

The keys of a partition share the hash tag `{p}`, so they share a slot of a cluster and a script can
touch them together. All but the log, its meta and the secret die by themselves.
"""

import zlib
from hashlib import blake2b

PREFIX = "messenger:"
PROJECTOR = "projector"
MINUTE_LIFE_MS = 86_400_000


def partition_of(room: str, partitions: int) -> int:
    """The one partition of a room: CRC-32 (as in zlib) of its UTF-8 bytes, modulo the partitions."""
    return partition_of_bytes(room.encode(), partitions)


def partition_of_bytes(room: bytes, partitions: int) -> int:
    return zlib.crc32(room) % partitions


def minute_of(ms: int) -> int:
    """Which minute since 1970 a time is in: counts are kept by it."""
    return ms // 60_000


class ViewKeys:
    """The keys of one generation of a partition's view. The first has no name; a rebuild makes the
    next. Scripts make these keys by what the meta says is in force (lua/views.lua)."""

    def __init__(self, tag: str, generation: str = "") -> None:
        self.prefix = f"{tag}view:{generation}:" if generation else tag
        # zset: room -> expires_at of its longest-living message; PEXPIREAT the last of them;
        # projector, rebuild
        self.rooms = self.prefix + "rooms"

    def message(self, entry_id: str) -> str:
        """string: a message's JSON, or `erased` or `expired`; PXAT expires_at; projector, rebuild."""
        return f"{self.prefix}message:{entry_id}"

    def room(self, room: str) -> str:
        """zset: the room's ids, padded, all of score 0; PEXPIREAT its last expires_at; projector,
        rebuild."""
        return f"{self.prefix}room:{room}"


class Keys(ViewKeys):
    """The keys of one partition, among them those of the view's first generation."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.tag = f"{PREFIX}{{{partition}}}:"
        super().__init__(self.tag)
        # stream; trimmed, never EXPIREd; append, erase, sweeper
        self.log = self.tag + "log"
        # hash: epoch, partitions, window, trimmed_to, swept_to, counters; permanent, small; settle,
        # append, sweeper, projector
        self.meta = self.tag + "meta"
        # string: what erase tokens and visitors' names are made with, for those who read the meta are
        # not to have it; permanent, small; settle
        self.secret = self.tag + "secret"
        # zset: entry id -> expires_at, of messages with a life shorter than the window; emptied by
        # the sweeper; append
        self.expiring = self.tag + "expiring"
        # zset: "<entry id> <letter's id> <group>" -> expires_at of what a dead letter holds; emptied by
        # the sweeper, PEXPIREAT the last of them; bury
        self.letters = self.tag + "letters"
        # hash: web process -> its last sign of life, and how many listen to it in each room; PEXPIRE
        # 8 s after the last sign; web
        self.here = self.tag + "here"

        # string: written after what replicas must have; PX a minute after the last of it; append, erase
        self.mark = self.tag + "mark"
        # hash: '<minute>:posted' and ':erased' -> how many of the minute's counts have moved to other
        # partitions; gone with a repartition's end, else a day; repartition
        self.moved = self.tag + "moved"
        # never there: in a cluster a script asks for it first (scripts.py); nobody
        self.whole = self.tag + "whole"

    def sent(self, room: str, key: str) -> str:
        """string: the id, ttl and fingerprint of a post; the message's life; append.

        The Idempotency-Key is hashed with its room, so that a key's length and bytes are ours.
        """
        digest = blake2b(f"{room}\n{key}".encode(), digest_size=16).hexdigest()
        return f"{self.tag}sent:{digest}"

    def sent_by(self, process: str, number: int) -> str:
        """The same for a post without an Idempotency-Key; life: half a minute."""
        return f"{self.tag}sent:{process}:{number}"

    def visitor(self, visitor: str) -> str:
        """string: when this visitor's posts will be paid off (GCRA), in ms; until then; append."""
        return f"{self.tag}visitor:{visitor}"

    def spoken(self, room: str) -> str:
        """string: when this room's posts will be paid off (GCRA), in ms; until then, and where new rooms
        are counted for a window after the last of them; append."""
        return f"{self.tag}spoken:{room}"

    def opened(self, visitor: str) -> str:
        """string: when the rooms that this visitor has opened will be paid off (GCRA), in ms; until
        then; append."""
        return f"{self.tag}opened:{visitor}"

    def copied(self, epoch: str, entry_id: str) -> str:
        """string: the id here of a message that was copied from the history `epoch`, where it has
        that id; PXAT its expires_at; copy."""
        return f"{self.tag}copied:{epoch}:{entry_id}"

    def minute(self, ms: int) -> str:
        """hash: posted and erased in one minute; a day; projector, erase."""
        return f"{self.tag}minute:{minute_of(ms)}"

    def view(self, generation: str) -> ViewKeys:
        return ViewKeys(self.tag, generation)

    def dead(self, group: str) -> str:
        """stream: dead letters of a group; emptied by the sweeper, PEXPIREAT the last of them; bury."""
        return f"{self.tag}dead:{group}"

    def group(self, group: str) -> str:
        """hash: how far a group of others' is, and its counters; a window and a day after its last
        consumer; consumers, append and sweeper."""
        return f"{self.tag}group:{group}"

    def done(self, group: str, entry_id: str) -> str:
        """string: an effect of this entry was done; a minute longer than the message; once."""
        return f"{self.tag}done:{group}:{entry_id}"
