"""The hand alone: what may be begun with, and when."""

import asyncio

import pytest

from consumers.delivery import Delivery
from consumers.hand import MOST, Hand
from messenger.entries import EntryId
from messenger.events import MessagePosted


def _delivery(number: int, room: str = "lobby", attempt: int = 1) -> Delivery:
    event = MessagePosted(room, "me", f"{number}", 1_000)
    return Delivery(event, EntryId(number, 0), 0, attempt, 2**50)


async def _taken(hand: Hand) -> int | None:
    """The number of what may be begun with now; None if nothing may."""
    try:
        async with asyncio.timeout(0.01):
            found = await hand.take()
    except TimeoutError:
        return None
    assert found is not None
    return found.id.ms


async def test_a_suspect_is_alone() -> None:
    """One that may end its process is begun when nothing else is, and nothing is begun beside it."""
    hand = Hand(10)
    first, suspect, other = _delivery(1, "a"), _delivery(2, "b"), _delivery(3, "c")
    suspect.is_alone = True
    for each in (first, suspect, other):
        hand.offer(each)
    assert await _taken(hand) == 1
    assert await _taken(hand) is None
    hand.done(first)
    assert await _taken(hand) == 2
    assert await _taken(hand) is None
    hand.done(suspect)
    assert await _taken(hand) == 3


async def test_what_comes_late_takes_its_place_in_its_room() -> None:
    """An older entry that another consumer left is begun before those of its room that wait."""
    hand = Hand(10)
    for number in (5, 6, 2):
        hand.offer(_delivery(number))
    first = await hand.take()
    assert first is not None
    assert first.id.ms == 5
    hand.done(first)
    assert [await _taken(hand), await _taken(hand)] == [2, None]


async def test_nothing_is_held_twice() -> None:
    """The same entry read again is the same delivery."""
    hand = Hand(10)
    hand.offer(_delivery(1))
    hand.offer(_delivery(1))
    assert await _taken(hand) == 1
    assert await _taken(hand) is None


async def test_a_stuck_room_fills_the_hand_to_a_limit() -> None:
    """However many wait for their room, the hand asks for more only up to a limit."""
    hand = Hand(10)
    for number in range(MOST):
        assert hand.space() > 0
        hand.offer(_delivery(number))
    assert hand.space() == 0
    waiting = asyncio.create_task(hand.wait_for_space())
    await asyncio.sleep(0)
    assert not waiting.done()
    first = await hand.take()
    assert first is not None
    hand.done(first)
    await waiting


async def test_who_waits_is_told_of_the_end_and_of_what_broke() -> None:
    """A closed hand gives None; a broken one its error."""
    hand, broken = Hand(10), Hand(10)
    waiting = [asyncio.create_task(each.take()) for each in (hand, broken)]
    await asyncio.sleep(0)
    hand.close()
    broken.fail(RuntimeError("broken"))
    assert await waiting[0] is None
    with pytest.raises(RuntimeError, match="broken"):
        await waiting[1]
