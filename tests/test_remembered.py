"""What a web process remembers: of each room the newest, and within a budget more."""

import random
from collections.abc import Iterator

import pytest

from messenger.entries import START, EntryId
from web.known import KnownRooms
from web.live import Erased, Held
from web.remembered import BUDGET_BYTES, LEAST, MOST, Budget, bytes_of
from web.room import Room

_NEVER = 2**60


def _held(number: int, size: int = 200, expires_at: int = _NEVER) -> Held:
    return Held(EntryId(number, 0), expires_at, b"x" * size)


def _rooms(budget: Budget) -> KnownRooms:
    return KnownRooms(lambda: START, budget)


def _counted(rooms: KnownRooms) -> int:
    return sum(bytes_of(each) for room in rooms.values() for each in room.after(START, 0))


def _speak(room: Room, numbers: Iterator[int], count: int, size: int = 200) -> None:
    for _ in range(count):
        room.take(_held(next(numbers), size))


def test_a_room_alone_is_remembered_up_to_the_most(numbers: Iterator[int]) -> None:
    """And then its newest."""
    budget = Budget()
    room = _rooms(budget).of("lobby")
    _speak(room, numbers, MOST)
    assert (room.messages, room.floor) == (MOST, START)
    _speak(room, numbers, 500)
    assert (room.messages, room.floor) == (MOST, EntryId(500, 0))
    assert budget.used <= BUDGET_BYTES


def test_all_rooms_together_stay_within_the_budget(numbers: Iterator[int]) -> None:
    """Where each has the least and all of it is more, each keeps the least; nothing over that is kept
    when there is no room for it."""
    budget = Budget()
    rooms = _rooms(budget)
    for _ in range(12):  # they speak by turns
        for name in "abcdefghij":
            _speak(rooms.of(name), numbers, 1_000)
    assert all(LEAST < room.messages < MOST for room in rooms.values())
    assert 0.99 * BUDGET_BYTES < budget.used <= BUDGET_BYTES + 1_000
    for number in range(100):
        _speak(rooms.of(f"more {number}"), numbers, LEAST)
    assert budget.used > BUDGET_BYTES
    for room in rooms.values():
        _speak(room, numbers, 1)
        assert room.messages == LEAST


def test_long_texts_take_their_share(numbers: Iterator[int]) -> None:
    """The budget is of bytes: a room of the longest has fewer of them."""
    room = _rooms(Budget()).of("lobby")
    _speak(room, numbers, MOST, size=8_000)
    assert LEAST < room.messages < BUDGET_BYTES // 8_000


@pytest.mark.parametrize("seed", range(5))
def test_what_is_let_go_of_is_counted_out(seed: int, numbers: Iterator[int]) -> None:
    """However it goes: over, erased, cut, for want of room, or with its history."""
    chance, budget = random.Random(seed), Budget()
    rooms, known = _rooms(budget), [EntryId(0, 0)]
    for _ in range(6_000):
        room = rooms.of(chance.choice("abc"))
        what = chance.choices(("say", "erase", "end", "cut", "skip"), (900, 30, 60, 1, 1))[0]
        some = chance.choice(known)
        if what == "say":
            room.take(_held(next(numbers), chance.randrange(500)))
            known.append(room.last_id())
        elif what == "erase":
            new = EntryId(next(numbers), 0)
            room.take(Erased(new, _NEVER, room.name, str(some), "author"))
        elif what == "end":
            rooms.expire(room, some)
        elif what == "cut":
            room.trim(some, 0)
        else:
            room.skip(some, _NEVER)
    assert budget.used == _counted(rooms) > 0
    rooms.begin()
    assert budget.used == 0


def _ready(room: Room) -> list[bytes]:
    found = room.long_list(MOST, 0)
    assert found is not None
    return found.pieces


def _is_ready(room: Room, before: list[bytes]) -> bool:
    """Whether its bytes are the same, and not equal ones."""
    return all(now is then for now, then in zip(_ready(room), before, strict=True))


def test_few_rooms_have_a_long_list_ready(numbers: Iterator[int]) -> None:
    """Four: the one that was made first goes first."""
    rooms = _rooms(Budget())
    for name in "abcde":
        _speak(rooms.of(name), numbers, 300)
    ready = {name: _ready(rooms[name]) for name in "abcd"}
    assert all(_is_ready(rooms[name], pieces) for name, pieces in ready.items())
    _ready(rooms["e"])
    assert _is_ready(rooms["b"], ready["b"])
    assert not _is_ready(rooms["a"], ready["a"])
    assert not _is_ready(rooms["b"], ready["b"])


def test_who_asks_for_rooms_without_a_list_takes_none_away(numbers: Iterator[int]) -> None:
    """Rooms of nobody, and of a hundred messages."""
    rooms = _rooms(Budget())
    _speak(rooms.of("large"), numbers, 300)
    ready = _ready(rooms["large"])
    for number in range(10):
        _speak(rooms.of(f"room {number}"), numbers, 100 * (number % 2))
        assert rooms[f"room {number}"].long_list(MOST, 0) is None
    assert _is_ready(rooms["large"], ready)


def test_a_room_that_is_gone_takes_no_place(numbers: Iterator[int]) -> None:
    """Its list is not one of the four."""
    budget = Budget()
    rooms = _rooms(budget)
    _speak(rooms.of("passing"), numbers, 300)
    _ready(rooms["passing"])
    for each in rooms["passing"].after(START, 0):
        rooms["passing"].expire(each.id)
    rooms["passing"].expired_to = START
    rooms.tidy(0)
    assert "passing" not in rooms
    assert not budget._ready


def test_a_room_whose_messages_are_all_over_has_no_list(numbers: Iterator[int]) -> None:
    """Nor an older page, though more was said in it than is remembered."""
    rooms = _rooms(Budget())
    room = rooms.of("lobby")
    _speak(room, numbers, MOST + 200)
    for each in room.after(START, 0)[50:]:
        room.expire(each.id)
    assert room.long_list(MOST, 0) is None


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(1, 10**9))
