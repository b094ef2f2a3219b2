"""A long list in pieces: whatever came and went, it is what was joined at once."""

import random

import pytest

from messenger.entries import EntryId
from web.known import KnownRooms
from web.live import Erased, Held
from web.pieces import LongList, Pieces
from web.remembered import Budget
from web.room import Room

_NEVER = 2**60


def _room() -> Room:
    return KnownRooms(lambda: EntryId(0, 0), Budget()).of("lobby")


def _living(room: Room, now: int) -> list[Held]:
    return [each for each in room.after(EntryId(0, 0), now) if isinstance(each, Held)]


def _told(found: LongList) -> tuple[bytes, EntryId, EntryId, int, bool]:
    return b"".join(found.pieces), found.first, found.last, found.count, found.has_older


def _wanted(living: list[Held], limit: int, most_bytes: int) -> tuple[bytes, ...]:
    """The bodies of the newest that fit, the newest last; one at least."""
    taken: list[bytes] = []
    for held in reversed(living[-limit:]):
        if taken and sum(len(each) + 1 for each in (*taken, held.body)) > most_bytes:
            break
        taken.append(held.body)
    return tuple(taken[::-1])


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_is_joined_at_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through posts, erasures, ends, cuts and sparse pieces, at any limit of messages and of bytes; and
    what is over is not in it though nobody has let go of it yet."""
    chance, room, now = random.Random(seed), _room(), 1_000
    monkeypatch.setattr("web.pieces._LENGTH", 7)
    monkeypatch.setattr("web.pieces._MOST", 12)
    pieces = room._pieces = Pieces(room._known)
    for number in range(1_500):
        if chance.random() < 0.7:
            ends = chance.choice((now + 40, now + 200, _NEVER))
            text = b"%d" % number * chance.randrange(1, 9)
            room.take(Held(EntryId(number + 1, 0), ends, text))
        elif known := list(room._known):
            some = chance.choice(known)
            if chance.random() < 0.4:
                room.take(Erased(EntryId(number + 1, 0), _NEVER, "lobby", str(some), "author"))
            elif chance.random() < 0.95:
                room.expire(some)
            else:
                room.trim(some, now)
        now += chance.randrange(5)
        if chance.random() < 0.3:
            limit, most = chance.choice((1, 5, 40, 10_000)), chance.choice((30, 400, 10**6))
            monkeypatch.setattr("web.pieces.LIST_BYTES", most)
            living = _living(room, now)
            wanted = _wanted(living, limit, most)
            body, first, last, count, has_older = _told(pieces.newest(limit, now))
            assert body == b",".join(wanted)
            assert (count, has_older) == (len(wanted), len(wanted) < len(living))
            if wanted:
                assert (first, last) == (living[-count].id, living[-1].id)


def test_a_change_makes_one_piece_anew() -> None:
    """The others are the same bytes: whoever still reads an earlier list shares them."""
    room = _room()
    for number in range(2_000):
        room.take(Held(EntryId(number + 1, 0), _NEVER, b"x" * 100))
    before = room.long_list(2_000, 0)
    room.take(Held(EntryId(3_000, 0), _NEVER, b"new"))
    room.expire(EntryId(1_000, 0))
    after = room.long_list(10_000, 0)
    assert before is not None
    assert after is not None
    assert (before.count, after.count) == (2_000, 2_000)
    pairs = list(zip(before.pieces, after.pieces, strict=True))
    assert sum(then is not now for then, now in pairs) == 2
    assert pairs[-1][0] is not pairs[-1][1]


def test_what_was_let_go_of_is_held_by_no_piece() -> None:
    """At once, and not when somebody asks again."""
    room = _room()
    for number in range(1_000):
        room.take(Held(EntryId(number + 1, 0), _NEVER, b"x%d" % number))
    room.long_list(1_000, 0)
    room.expire(EntryId(501, 0))
    pieces = room._pieces
    assert pieces
    for piece in pieces._pieces:
        assert b"x500" not in (piece.body or b"").split(b",")
        assert all(each.id != EntryId(501, 0) for each in piece.held)
