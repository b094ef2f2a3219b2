"""Damage to a view, each kind of it: what is planted, and what must be said of it."""

import asyncio
from collections.abc import Callable

import redis

from consumers.differences import Difference
from consumers.rebuild import Rebuild
from consumers.verify import Verification
from messenger.entries import EntryId
from messenger.keys import Keys
from messenger.log import Logs, Post, member
from tests.past import begin_earlier
from tests.projecting import project_all
from tests.raw import KEYS, now_ms


class Planted:
    """A view of `lobby` and `other` with living messages, one erased and one that expired early; what
    is done to it goes past the messenger."""

    def __init__(
        self, client: redis.Redis, living: list[EntryId], erased: EntryId, expired: str
    ) -> None:
        self.client = client
        self.living = living
        self.erased = erased
        self.expired = expired
        self.keys = KEYS

    def row(self, number: int = 0) -> str:
        return self.keys.message(str(self.living[number]))

    def member(self, number: int = 0) -> str:
        return member(self.living[number])

    @property
    def minute(self) -> str:
        return Keys(0).minute(self.living[-1].ms)


async def verified(logs: Logs) -> list[Difference]:
    """What is different between view and log."""
    found: list[Difference] = []
    assert await Verification(logs, found.append).run(asyncio.Event())
    return found


async def planted(client: redis.Redis, logs: Logs) -> Planted:
    """Seven living messages of two rooms, one that was erased, one that expired early; projected."""
    log = logs.all[0]
    begin_earlier(client)  # in its first minute the counts may be those of a history before
    living = [(await log.append(Post("lobby", "me", f"text {n}"))).id for n in range(5)]
    living += [(await log.append(Post("other", "me", f"other {n}"))).id for n in range(2)]
    brief = f"{now_ms(client) - 2_000}-0"
    erased = await log.append(Post("lobby", "me", "oops"))
    await project_all(log)
    await log.erase("lobby", erased.id, "author")
    await project_all(log)
    client.set(KEYS.message(brief), "expired", px=60_000)
    return Planted(client, living, erased.id, brief)


async def rebuilt(logs: Logs) -> Rebuild:
    made = Rebuild(logs, asyncio.Event())
    assert await made.run()
    return made


def _replace(planted: Planted, old: bytes, new: bytes) -> None:
    row = planted.client.get(planted.row())
    assert old in row
    planted.client.set(planted.row(), row.replace(old, new), keepttl=True)


def _extra_row(planted: Planted) -> None:
    """Also in the room's index, as if it had been posted."""
    ghost = EntryId(now_ms(planted.client) - 7, 7)
    row = planted.client.get(planted.row()).replace(
        str(planted.living[0]).encode(), str(ghost).encode()
    )
    planted.client.set(planted.keys.message(str(ghost)), row, px=60_000)
    planted.client.zadd(planted.keys.room("lobby"), {member(ghost): 0})


def _member_without_row(planted: Planted) -> None:
    ghost = EntryId(now_ms(planted.client) - 7, 7)
    planted.client.zadd(planted.keys.room("lobby"), {member(ghost): 0})


def _never_ends(planted: Planted) -> None:
    planted.client.persist(planted.row())


DAMAGES: dict[str, tuple[Callable[[Planted], object], str]] = {
    "a row is gone": (lambda p: p.client.delete(p.row()), "missing-row"),
    "all is gone": (
        lambda p: p.client.delete(*p.client.keys("*:message:*"), *p.client.keys("*:room*")),
        "missing-row",
    ),
    "another text": (lambda p: _replace(p, b"text 0", b"text X"), "wrong-row"),
    "another author": (lambda p: _replace(p, b'"me"', b'"you"'), "wrong-row"),
    "no message": (lambda p: p.client.set(p.row(), "garbage", keepttl=True), "wrong-row"),
    "a living one said to be erased": (
        lambda p: p.client.set(p.row(), "erased", keepttl=True),
        "wrong-row",
    ),
    "a living one said to have expired": (
        lambda p: p.client.set(p.row(), "expired", keepttl=True),
        "wrong-row",
    ),
    "a row of another type": (
        lambda p: p.client.delete(p.row()) and p.client.lpush(p.row(), "x"),
        "wrong-row",
    ),
    "an erased one lives": (
        lambda p: p.client.set(p.keys.message(str(p.erased)), "{}", px=60_000),
        "wrong-row",
    ),
    "an erased one is unknown": (
        lambda p: p.client.delete(p.keys.message(str(p.erased))),
        "missing-row",
    ),
    "a row too much": (_extra_row, "extra-row"),
    "a row of no id": (
        lambda p: p.client.set(p.keys.message("17-x"), "{}", px=60_000),
        "extra-row",
    ),
    "a row that never ends": (_never_ends, "wrong-life"),
    "a row that ends early": (lambda p: p.client.pexpire(p.row(), 30_000), "wrong-life"),
    "an index is gone": (lambda p: p.client.delete(p.keys.room("lobby")), "missing-index"),
    "not in the index": (
        lambda p: p.client.zrem(p.keys.room("lobby"), p.member()),
        "missing-index",
    ),
    "an index of another type": (
        lambda p: p.client.set(p.keys.room("lobby"), "x", px=60_000),
        "wrong-index",
    ),
    "an index in another order": (
        lambda p: p.client.zadd(p.keys.room("lobby"), {p.member(): 5}),
        "wrong-index",
    ),
    "a member without a row": (_member_without_row, "extra-index"),
    "a member that is none": (
        lambda p: p.client.zadd(p.keys.room("lobby"), {"x": 0}),
        "extra-index",
    ),
    "a member of another room": (
        lambda p: p.client.zadd(p.keys.room("other"), {p.member(): 0}),
        "extra-index",
    ),
    "an erased member": (
        lambda p: p.client.zadd(p.keys.room("lobby"), {member(p.erased): 0}),
        "extra-index",
    ),
    "an index that ends early": (
        lambda p: p.client.pexpire(p.keys.room("lobby"), 30_000),
        "wrong-life",
    ),
    "an index that never ends": (lambda p: p.client.persist(p.keys.room("lobby")), "wrong-life"),
    "the rooms are gone": (lambda p: p.client.delete(p.keys.rooms), "missing-room"),
    "a room is not listed": (lambda p: p.client.zrem(p.keys.rooms, "other"), "missing-room"),
    "a room is listed too short": (
        lambda p: p.client.zadd(p.keys.rooms, {"lobby": now_ms(p.client)}),
        "missing-room",
    ),
    "rooms that never end": (lambda p: p.client.persist(p.keys.rooms), "wrong-life"),
    "too few were counted": (
        lambda p: p.client.hincrby(p.minute, "posted", -1),
        "wrong-count",
    ),
    "too many were counted": (lambda p: p.client.hincrby(p.minute, "posted", 1), "wrong-count"),
    "erasures were not counted": (lambda p: p.client.hdel(p.minute, "erased"), "wrong-count"),
    "the counts are gone": (lambda p: p.client.delete(p.minute), "wrong-count"),
    "the counts are no numbers": (
        lambda p: p.client.hset(p.minute, "posted", "many"),
        "wrong-count",
    ),
}
