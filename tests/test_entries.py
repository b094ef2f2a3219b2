"""Entry ids and raw entries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.entries import Entry, EntryId, read_entry
from messenger.events import MessageErased, MessagePosted, Vanished
from messenger.log import member

HALF = st.integers(0, 2**64 - 1)
IDS = st.builds(EntryId, HALF, HALF)


@given(IDS)
def test_an_id_is_written_and_read_as_itself(entry_id: EntryId) -> None:
    """Ids come back as they went, from people's text and from the store's bytes."""
    assert EntryId.parse(str(entry_id)) == entry_id
    assert EntryId.read(str(entry_id).encode()) == entry_id


@given(IDS, IDS)
def test_ids_compare_by_number(one: EntryId, other: EntryId) -> None:
    """The order of ids is the store's: by milliseconds, then by number, never as text."""
    by_number = (one.ms << 64 | one.seq) < (other.ms << 64 | other.seq)
    assert (one < other) == by_number


def test_ids_do_not_compare_as_text() -> None:
    """`9-0` is before `10-0`, though not in a dictionary."""
    assert EntryId.parse("9-0") < EntryId.parse("10-0")
    assert EntryId.parse("5-9") < EntryId.parse("5-10")


@given(st.lists(st.builds(EntryId, st.integers(0, 10**13 - 1), HALF), min_size=2, max_size=8))
def test_members_of_an_index_sort_as_their_ids(ids: list[EntryId]) -> None:
    """The text of an index's members has the order of the ids."""
    assert sorted(ids, key=member) == sorted(ids)


def test_milliseconds_alone_are_the_first_id_of_their_time() -> None:
    """As the store reads it: `5` is `5-0`."""
    assert EntryId.parse("5") == EntryId(5, 0)


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "5-", "-5", "5-5-5", " 5-0", "5-0 ", "5-0\n", "+5-0", "5.0-0", "0x5-0", "1_0-0",
        "*", "5-*", "5–0", "$", ">", "+", "(5-0", "٥-٠", "５-０", "²-0", "18446744073709551616-0",
        "0-18446744073709551616", "1" * 21, "1" * 5_000, "\0",
    ],
)  # fmt: skip
def test_what_no_store_wrote_is_refused(text: str) -> None:
    """A text that can't be an id is a ValueError that says how an id is written."""
    with pytest.raises(ValueError, match="an id"):
        EntryId.parse(text)


@given(st.text(max_size=45))
def test_any_text_is_an_id_or_a_refusal(text: str) -> None:
    """No text makes anything but an id of two 64-bit halves, or a ValueError."""
    try:
        found = EntryId.parse(text)
    except ValueError:
        return
    assert 0 <= found.ms < 2**64
    assert 0 <= found.seq < 2**64


def test_a_raw_entry_is_decoded_once() -> None:
    """An entry as the store sends it becomes its id and its event."""
    flat = [b"type", b"message.posted", b"room", b"r", b"author", b"a", b"text", b"t", b"ttl", b"9"]
    assert read_entry([b"7-1", flat]) == Entry(EntryId(7, 1), MessagePosted("r", "a", "t", 9))


def test_a_raw_erasure_is_decoded() -> None:
    """An erasure as the store sends it becomes its event."""
    flat = [b"type", b"message.erased", b"room", b"r", b"message", b"7-1", b"by", b"author"]
    assert read_entry([b"8-0", flat]).event == MessageErased("r", "7-1", "author")


@pytest.mark.parametrize("gone", [None, []])
def test_an_entry_trimmed_while_pending_has_vanished(gone: list[bytes] | None) -> None:
    """A pending entry that is no more still has its id, so that it can be acked."""
    assert read_entry([b"7-1", gone]) == Entry(EntryId(7, 1), Vanished())


def test_an_entry_of_another_type_is_passed_over() -> None:
    """An entry that we do not know has its id and no event."""
    assert read_entry([b"7-1", [b"type", b"room.painted"]]) == Entry(EntryId(7, 1), None)
