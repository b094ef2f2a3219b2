"""Entry ids, and entries as a store sends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.entries import START, Entry, EntryId, read_entry
from messenger.events import Malformed, MessagePosted, Vanished

HALVES = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 9, 10, 2**64 - 1])
IDS = st.builds(EntryId, HALVES, HALVES)
LAST = EntryId(2**64 - 1, 2**64 - 1)


@pytest.mark.parametrize(
    ("written", "entry_id"),
    [
        ("1764000000000-0", EntryId(1_764_000_000_000, 0)),
        ("1764000000000", EntryId(1_764_000_000_000, 0)),
        ("0-0", START),
        ("007-08", EntryId(7, 8)),
        (str(LAST), LAST),
    ],
)
def test_an_id_is_read(written: str, entry_id: EntryId) -> None:
    """An id is two numbers; the second may be left out."""
    assert EntryId.parse(written) == entry_id


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "+",
        "$",
        "*",
        "1-*",
        "1-",
        "-1",
        "1-2-3",
        " 1-2",
        "1-2\n",
        "1-2\0",
        "(1-2",
        "1.0-2",
        "0x1-0",
        "1_0-0",
        "١-٢",
        "18446744073709551616-0",
        "0-18446744073709551616",
        "9" * 5_000,
        "1–2",
    ],
)
def test_what_no_store_can_have_written_is_refused(written: str) -> None:
    """A bad id is refused with words, whatever its bytes."""
    with pytest.raises(ValueError, match=r"^(an id is <milliseconds>|each half of an id is below)"):
        EntryId.parse(written)


@given(st.text(max_size=45))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    """No text gives an id that a store would not take."""
    try:
        found = EntryId.parse(text)
    except ValueError:
        return
    assert START <= found <= LAST


@given(IDS)
def test_an_id_survives_writing_and_reading(entry_id: EntryId) -> None:
    """What is written reads back to the same id, from a person and from a store."""
    assert EntryId.parse(str(entry_id)) == EntryId.read(str(entry_id).encode()) == entry_id


@given(st.lists(IDS, max_size=8))
def test_ids_are_ordered_by_number(ids: list[EntryId]) -> None:
    """The order is the store's: first by time, then by number, never by text."""
    assert sorted(ids) == sorted(ids, key=lambda each: each.ms << 64 | each.seq)


@given(IDS.filter(lambda each: each != LAST), IDS)
def test_the_next_id_leaves_no_room_between(entry_id: EntryId, other: EntryId) -> None:
    """The next id is after an id, no other is between, and a store takes it."""
    following = entry_id.next()
    assert following > entry_id
    assert other <= entry_id or other >= following
    assert EntryId.parse(str(following)) == following


def test_an_entry_is_decoded() -> None:
    """A raw entry, its names and values in turn, becomes its id and its event."""
    flat = [b"type", b"message.posted", b"room", b"r", b"author", b"a", b"text", b"t", b"ttl", b"9"]
    expected = Entry(EntryId(5, 1), MessagePosted("r", "a", "t", 9))
    assert read_entry([b"5-1", flat]) == read_entry((b"5-1", flat)) == expected


@pytest.mark.parametrize("nothing", [None, []])
def test_an_entry_trimmed_while_pending_is_known_as_such(nothing: list[bytes] | None) -> None:
    """An id without fields is an entry that vanished, and not a bad one."""
    assert read_entry([b"5-1", nothing]) == Entry(EntryId(5, 1), Vanished())


@pytest.mark.parametrize(
    ("flat", "kind"),
    [
        ([b"type", b"room.renamed"], type(None)),
        ([b"colour", b"blue"], type(None)),
        ([b"type", b"message.posted"], Malformed),
    ],
)
def test_what_others_wrote_is_read_too(flat: list[bytes], kind: type) -> None:
    """Entries that we do not know or that are broken keep their id and place."""
    entry = read_entry([b"5-1", flat])
    assert entry.id == EntryId(5, 1)
    assert type(entry.event) is kind
