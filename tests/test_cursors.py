"""One cursor for several partitions: it says exactly where a reader stands in each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.entries import START, EntryId
from web.cursors import Places, parse, write

NOW = 1_764_000_000_000
_half = st.integers(0, 2**64 - 1)
_id = st.builds(EntryId, _half | st.integers(NOW - 900_000, NOW), _half | st.just(0))


@given(st.lists(_id, min_size=1, max_size=8))
def test_a_cursor_is_read_as_it_was_written(ids: list[EntryId]) -> None:
    """Whatever ids there are, none is changed."""
    assert parse(write(ids), len(ids)) == ids


@given(st.lists(_id, min_size=1, max_size=4), st.integers(1, 4))
def test_a_cursor_goes_on_in_more_partitions(ids: list[EntryId], times: int) -> None:
    """Each partition that a repartition has made goes on where the one stood that it comes from."""
    assert parse(write(ids), len(ids) * times) == ids * times


@given(st.lists(_id, min_size=2, max_size=8), st.data())
def test_a_place_is_the_cursor_with_one_id_changed(ids: list[EntryId], data: st.DataObject) -> None:
    """A reader that goes on in one partition stands still in the others."""
    partition = data.draw(st.integers(0, len(ids) - 1))
    events = sorted(data.draw(st.lists(_id, min_size=1, max_size=4)))
    places = Places(ids, partition, events[-1])
    for event in events:
        moved = [*ids[:partition], event, *ids[partition + 1 :]]
        assert parse(places.at(event).decode(), len(ids)) == moved


def test_with_one_partition_it_is_an_entry_id() -> None:
    """The same as a room's."""
    assert write([EntryId(NOW, 7)]) == f"{NOW}-7"
    assert parse(f"{NOW}", 1) == [EntryId(NOW, 0)]


def test_the_start_is_the_start_of_all() -> None:
    """0-0 asks for all that lives, however many partitions there are."""
    for partitions in (1, 2, 1_024):
        assert parse("0-0", partitions) == [START] * partitions


def test_a_cursor_of_very_many_partitions_fits_into_a_header() -> None:
    """A line of a request's head has 8,190 bytes at most; ids of some hours of all partitions that
    there may be are shorter."""
    ids = [EntryId(NOW - number * 16_000, number % 10 == 0) for number in range(1_024)]
    assert len(write(ids)) < 8_000
    assert write(ids).isascii()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        f"{NOW}-0-0",
        f"{NOW}:0",
        f"{NOW}:0,0,0",
        f"{NOW}:0,",
        f"{NOW}:,0",
        f"{NOW}:0,-1",
        f"{NOW}:0,1-",
        f"{NOW}:0,1-1-1",
        f"{NOW}:0,G",
        f"{NOW}:0,A",
        f"{NOW}:0, 1",
        f"{NOW}:0,1\n",
        f"{2**64}:0,0",
        f"{NOW}:0,{NOW + 1:x}",
        f"{NOW}:0,0-10000000000000000",
        f"{NOW}:0,٣",
        "-1:0,0",
        "1" * 5_000 + ":0,0",
    ],
)
def test_what_was_never_written_is_refused(text: str) -> None:
    """Of two partitions: anything but two ids, each of which some store could have made."""
    with pytest.raises(ValueError, match=r"cursor|id"):
        parse(text, 2)


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,25}:[0-9a-f,-]{1,30}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else comes of it."""
    try:
        found = parse(text, 2)
    except ValueError:
        return
    assert len(found) == 2
    assert all(0 <= half < 2**64 for each in found for half in each)
