"""The store's clock as a process sees it. The test's own clock runs on: bounds are half a second."""

import time

import pytest

from messenger.clock import StoreClock

NEAR_MS = 500
HOUR_MS = 3_600_000
LOOKS = 16


def wall_ms() -> float:
    return time.time() * 1_000


def is_near(clock: StoreClock, ms: float) -> bool:
    return abs(clock.now() - ms) < NEAR_MS


def test_before_the_first_look_it_is_the_machine_s_time() -> None:
    """A clock that has not looked yet is not years away."""
    assert is_near(StoreClock(), wall_ms())


@pytest.mark.parametrize("ahead", [-HOUR_MS, HOUR_MS])
def test_the_first_look_sets_it(ahead: int) -> None:
    """The store's time is believed from the first look, and another time than ours is no step."""
    clock = StoreClock()
    clock.look(wall_ms() + ahead)
    assert is_near(clock, wall_ms() + ahead)
    assert clock.steps == 0


def test_it_runs_on_between_looks() -> None:
    """Time goes on without a look."""
    clock = StoreClock()
    clock.look(wall_ms())
    before, began = clock.now(), time.monotonic()
    while time.monotonic() - began < 0.02:
        assert clock.now() >= before
    assert 20 <= clock.now() - before < NEAR_MS


@pytest.mark.parametrize("late_ms", [1, 300, 5_000])
def test_late_replies_do_not_set_it_back(late_ms: int) -> None:
    """A reply that was long on its way tells an old time: the quickest of the looks is believed."""
    clock = StoreClock()
    clock.look(wall_ms() + HOUR_MS)
    for _ in range(LOOKS - 1):
        before = clock.now()
        clock.look(wall_ms() + HOUR_MS - late_ms)
        assert clock.now() >= before
    assert clock.steps == 0


def test_a_step_forward_counts_at_once() -> None:
    """When the store's clock is set forward, what that expires is not shown once more."""
    clock = StoreClock()
    clock.look(wall_ms())
    clock.look(wall_ms() + HOUR_MS)
    assert is_near(clock, wall_ms() + HOUR_MS)
    assert clock.steps == 1


def test_a_step_back_counts_when_the_looks_before_it_are_forgotten() -> None:
    """When the store's clock is set back, too much is expired for a while, then the time is right."""
    clock = StoreClock()
    for _ in range(LOOKS):
        clock.look(wall_ms())
    for _ in range(LOOKS - 1):
        clock.look(wall_ms() - HOUR_MS)
        assert is_near(clock, wall_ms())
    assert clock.steps == 0
    clock.look(wall_ms() - HOUR_MS)
    assert is_near(clock, wall_ms() - HOUR_MS)
    assert clock.steps == 1


def test_each_step_is_counted_once() -> None:
    """Looks after a step are no further steps; small corrections are none at all."""
    clock = StoreClock()
    clock.look(wall_ms())
    for ahead in (400, 800, HOUR_MS, HOUR_MS, 2 * HOUR_MS, HOUR_MS):
        clock.look(wall_ms() + ahead)
    assert clock.steps == 2
