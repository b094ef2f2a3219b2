"""Which keys there are, and where they are."""

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.keys import Keys, partition_of

ROOM, KEY = "lobby", "my-secret-key"


@given(st.text(max_size=64), st.integers(1, 1_024))
def test_a_room_s_partition_is_its_crc32(room: str, partitions: int) -> None:
    """Any program in any language finds a room's log: zlib's CRC-32 of its UTF-8, modulo."""
    assert partition_of(room, partitions) == zlib.crc32(room.encode("utf-8")) % partitions


@pytest.mark.parametrize(("room", "partition"), [("lobby", 7), ("café", 5), ("部屋", 11)])
def test_partitions_never_move(room: str, partition: int) -> None:
    """A room stays where it was: written down, for data outlives programs."""
    assert partition_of(room, 16) == partition


def all_keys(partition: int) -> list[str]:
    keys = Keys(partition)
    return [
        keys.log,
        keys.meta,
        keys.expiring,
        keys.rooms,
        keys.here,
        keys.mark,
        keys.sent(ROOM, KEY),
        keys.sent_by("0123", 7),
        keys.visitor("abc"),
        keys.spoken(ROOM),
        keys.opened("abc"),
        keys.message("1-0"),
        keys.room(ROOM),
        keys.room("a{b}c"),
        keys.view("1a").message("1-0"),
        keys.view("1a").room(ROOM),
        keys.view("1a").rooms,
        keys.copied("1764000000000-abcd", "1-0"),
        keys.minute(1_764_000_000_000),
        keys.letters,
        keys.dead("projector"),
        keys.group("mailer"),
        keys.done("mailer", "1-0"),
    ]


@pytest.mark.parametrize("partition", [0, 7, 1_023])
def test_a_partition_s_keys_share_its_slot(partition: int) -> None:
    """A cluster keeps all keys of a partition together: one hash tag, the first in the key."""
    for key in all_keys(partition):
        assert key.startswith("messenger:{")
        tag = re.search(r"\{(.+?)\}", key)
        assert tag is not None
        assert tag[1] == str(partition)


def test_no_two_keys_are_the_same() -> None:
    """Each thing has a key of its own, and each partition its own keys."""
    found = all_keys(0) + all_keys(1)
    assert len(set(found)) == len(found)


def test_an_idempotency_key_is_not_to_be_seen() -> None:
    """The store's keys show neither the key that a client chose nor its length."""
    keys = Keys(0)
    short, long = keys.sent(ROOM, KEY), keys.sent(ROOM, KEY * 10)
    assert KEY not in short
    assert ROOM not in short
    assert len(short) == len(long)


def test_an_idempotency_key_belongs_to_its_room() -> None:
    """The same key in two rooms is two keys, the same key in one room always the same."""
    keys = Keys(0)
    assert keys.sent("a", KEY) != keys.sent("b", KEY)
    assert keys.sent("a", KEY) != keys.sent("a", KEY + "2")
    assert keys.sent("a", KEY) == Keys(0).sent("a", KEY)
