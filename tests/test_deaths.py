"""When messages are over: in whatever order they were told, each comes out once, and on time."""

from hypothesis import given
from hypothesis import strategies as st

from messenger.entries import EntryId
from web.deaths import Deaths

_LIVES = st.lists(st.integers(0, 40), max_size=60)


@given(_LIVES, st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_each_is_over_once_and_on_time(lives: list[int], looks: list[int]) -> None:
    """At each look those come out that are over by then and have not come out before."""
    deaths, left = Deaths(), {}
    for number, expires_at in enumerate(lives):
        left[EntryId(number, 7)] = expires_at
        deaths.add(expires_at, EntryId(number, 7), f"room-{number % 3}")
    for now in sorted(looks):
        found = dict(deaths.due(now))
        assert found.keys() == {entry_id for entry_id, at in left.items() if at <= now}
        for entry_id, room in found.items():
            assert room == f"room-{entry_id.ms % 3}"
            del left[entry_id]


def test_many_come_out_in_their_order() -> None:
    """More than one chunk of them; what is asked for meanwhile is not lost."""
    deaths = Deaths()
    for ms in range(10_000):
        deaths.add(ms, EntryId(ms, 0), "lobby")
    assert [entry_id.ms for entry_id, _ in deaths.due(5_000)] == list(range(5_001))
    deaths.add(10_000, EntryId(10_000, 0), "lobby")
    assert [entry_id.ms for entry_id, _ in deaths.due(10_000)] == list(range(5_001, 10_001))
    assert list(deaths.due(2**70)) == []


def test_times_beyond_all_numbers_are_kept_apart() -> None:
    """An id of another writer may be of any time and any number."""
    deaths, largest = Deaths(), EntryId(2**64 - 1, 2**64 - 1)
    deaths.add(2**64 + 5, largest, "lobby")
    deaths.add(9, EntryId(1, 2**64 - 1), "lobby")
    assert list(deaths.due(10)) == [(EntryId(1, 2**64 - 1), "lobby")]
    assert list(deaths.due(2**64 + 4)) == []
    assert list(deaths.due(2**64 + 5)) == [(largest, "lobby")]
    deaths.add(9, largest, "lobby")
    deaths.clear()
    assert list(deaths.due(2**70)) == []
