"""The checker of the fault suite: each defect, planted in a sound history, is found, and named."""

from collections.abc import Callable

import msgspec
import pytest

from messenger.entries import EntryId
from tests.faults.checker import KINDS, check
from tests.faults.history import History, Reading, Seen, Served, Stored, Write

NOW = 1_000_000
ONE, TWO, BRIEF, GONE, LAST = (EntryId(NOW - 60_000 + at, 0) for at in (0, 100, 200, 300, 400))
LIFE = 900_000


def write(text: str, entry_id: EntryId | None, room: str = "lobby", ttl: int = LIFE) -> Write:
    if entry_id is None:
        return Write("w", room, text)
    return Write("w", room, text, entry_id, entry_id.ms + ttl, entry_id.ms + 5, text)


def seen(entry_id: EntryId, text: str, ttl: int = LIFE) -> Seen:
    return Seen("message", entry_id, text, entry_id.ms + ttl, entry_id.ms + 3)


def gap(reason: str, after: EntryId, until: EntryId) -> Seen:
    return Seen("gap", until, reason=reason, after=after, until=until)


def sound() -> tuple[History, Stored]:
    """Four messages: two live, one had a short life, one was erased; and one of unknown fate. One
    reader saw them come, one was away while the short one lived."""
    history = History(
        writes=[
            write("one", ONE),
            write("two", TWO),
            write("brief", BRIEF, ttl=1_000),
            write("gone", GONE),
            write("unknown", None),
            write("last", LAST),
        ],
        readings=[
            Reading(
                "there",
                "lobby",
                [
                    seen(ONE, "one"),
                    seen(TWO, "two"),
                    seen(BRIEF, "brief", 1_000),
                    seen(GONE, "gone"),
                    Seen("erased", GONE),
                    seen(LAST, "last"),
                ],
            ),
            Reading(
                "away",
                "lobby",
                [
                    seen(ONE, "one"),
                    gap("expired", ONE, BRIEF),
                    seen(TWO, "two"),
                    seen(LAST, "last"),
                ],
            ),
        ],
        served=[Served("page", BRIEF, "lobby", "brief", BRIEF.ms + 1_000, BRIEF.ms + 999)],
    )
    history.writes[3].may_be_erased = history.writes[3].is_erased = True
    stored = Stored(
        NOW,
        furthest=NOW,
        log={
            id_: ("lobby", text, LIFE) for id_, text in ((ONE, "one"), (TWO, "two"), (LAST, "last"))
        },
        erased={GONE},
        rows={"lobby": ["one", "two", "last"]},
        pages={"web1 lobby": ["one", "two", "last"]},
        posted=4,
        expired_unprocessed=1,
        appended=5,
    )
    return history, stored


def test_a_sound_history_is_sound() -> None:
    """What every promise allows is no defect: unknown fates, gaps that are told, erasures."""
    assert check(*sound()) == []


def test_what_was_cut_and_told_is_no_defect() -> None:
    """A message that went for want of room is not lost where readers who lack it were told; where one
    was not, that is silence."""
    history, stored = sound()
    _lose(history, stored)
    stored.trimmed_to = TWO
    assert check(history, stored) == []
    history.readings[0].events.remove(seen(TWO, "two"))
    assert {defect.kind for defect in check(history, stored)} == {"silent"}
    history.readings[0].events.insert(1, gap("trimmed", ONE, TWO))
    assert check(history, stored) == []


def test_what_was_shown_unconfirmed_may_be_gone_and_what_was_accepted_may_not() -> None:
    """Where replicas must have what is accepted, a failover may take what readers saw too early. That
    is no excuse for a message that was accepted."""
    history, stored = sound()
    early = EntryId(LAST.ms + 50, 0)
    history.unconfirmed.append((early.ms, NOW))
    history.writes.append(write("unconfirmed", None))
    reset = msgspec.structs.replace(gap("reset", LAST, LAST), at=early.ms + 100)
    again = [seen(ONE, "one"), seen(TWO, "two"), seen(LAST, "last")]
    history.readings[0].events += [seen(early, "unconfirmed"), reset, *again]
    assert check(history, stored) == []
    del stored.log[LAST]
    assert "lost" in {defect.kind for defect in check(history, stored)}


def test_a_reset_covers_what_was_over_when_it_was_told() -> None:
    """Who comes back to a new history is told of what lives in it; what came and went in it before is no
    silence, and what lived is."""
    for told_at, kinds in ((BRIEF.ms + 1_100, set()), (BRIEF.ms + 500, {"silent"})):
        history, stored = sound()
        history.forgiven = [(0, NOW - 100_000)]
        before, nowhere = EntryId(NOW - 120_000, 0), EntryId(0, 0)
        reset = msgspec.structs.replace(gap("reset", before, nowhere), at=told_at)
        events = [reset, seen(ONE, "one"), seen(TWO, "two"), seen(LAST, "last")]
        history.readings[1].events = events
        assert {defect.kind for defect in check(history, stored)} == kinds


def test_what_was_over_before_a_reader_began_is_no_defect() -> None:
    """Who comes for the first time is told of what lives; what lived then and is missing is silence."""
    for began_at, kinds in ((BRIEF.ms + 1_100, set()), (BRIEF.ms + 500, {"silent"})):
        history, stored = sound()
        history.readings[1].began_at = began_at
        history.readings[1].events = [seen(ONE, "one"), seen(TWO, "two"), seen(LAST, "last")]
        assert {defect.kind for defect in check(history, stored)} == kinds


def _lose(history: History, stored: Stored) -> None:
    del stored.log[TWO]
    stored.rows["lobby"].remove("two")
    stored.pages["web1 lobby"].remove("two")


def _double_in_the_log(history: History, stored: Stored) -> None:
    other = EntryId(TWO.ms + 50, 0)
    stored.log[other] = ("lobby", "two", LIFE)
    for texts in (stored.rows["lobby"], stored.pages["web1 lobby"]):
        texts.insert(2, "two")
    history.readings[0].events.insert(2, seen(other, "two"))
    history.readings[1].events.insert(3, seen(other, "two"))


def _double_to_a_reader(history: History, stored: Stored) -> None:
    history.readings[0].events.append(seen(EntryId(NOW, 0), "last"))


def _say_what_nobody_said(history: History, stored: Stored) -> None:
    history.writes = [each for each in history.writes if each.text != "one"]


def _move_to_another_room(history: History, stored: Stored) -> None:
    history.writes[0].room = "kitchen"


def _answer_with_another_id(history: History, stored: Stored) -> None:
    history.writes[0].id, history.writes[1].id = TWO, ONE


def _answer_with_another_text(history: History, stored: Stored) -> None:
    history.writes[0].answered_text = "two"


def _serve_late(history: History, stored: Stored) -> None:
    history.served.append(
        Served("page", BRIEF, "lobby", "brief", BRIEF.ms + 1_000, BRIEF.ms + 1_300)
    )


def _tell_late(history: History, stored: Stored) -> None:
    events = history.readings[0].events
    events[2] = Seen("message", BRIEF, "brief", BRIEF.ms + 1_000, BRIEF.ms + 5_000)


def _tell_twice(history: History, stored: Stored) -> None:
    history.readings[0].events.insert(1, seen(ONE, "one"))


def _swap(history: History, stored: Stored) -> None:
    events = history.readings[0].events
    events[0], events[1] = events[1], events[0]


def _answer_out_of_order(history: History, stored: Stored) -> None:
    history.writes[0], history.writes[1] = history.writes[1], history.writes[0]


def _skip(history: History, stored: Stored) -> None:
    del history.readings[0].events[1]


def _skip_the_gap(history: History, stored: Stored) -> None:
    del history.readings[1].events[1]


def _end_the_gap_too_early(history: History, stored: Stored) -> None:
    history.readings[1].events[1] = gap("expired", ONE, TWO)


def _tell_of_a_reset(history: History, stored: Stored) -> None:
    history.readings[1].events.append(gap("reset", START_OF_ALL, LAST))


def _keep_the_erased(history: History, stored: Stored) -> None:
    stored.log[GONE] = ("lobby", "gone", LIFE)
    for texts in (stored.rows["lobby"], stored.pages["web1 lobby"]):
        texts.insert(2, "gone")
    history.readings[1].events.insert(3, seen(GONE, "gone"))
    history.readings[1].events.insert(4, Seen("erased", GONE))


def _tell_of_no_erasure(history: History, stored: Stored) -> None:
    del history.readings[0].events[4]


def _drop_a_row(history: History, stored: Stored) -> None:
    stored.rows["lobby"].pop()


def _drop_a_room(history: History, stored: Stored) -> None:
    del stored.rows["lobby"]


def _show_too_much(history: History, stored: Stored) -> None:
    stored.pages["web1 lobby"].append("gone")


def _show_another_order(history: History, stored: Stored) -> None:
    stored.pages["web1 lobby"].reverse()


def _count_twice(history: History, stored: Stored) -> None:
    stored.posted += 1


def _count_too_few(history: History, stored: Stored) -> None:
    stored.expired_unprocessed -= 1


def _leave_pending(history: History, stored: Stored) -> None:
    stored.pending = 1


def _refuse_late(history: History, stored: Stored) -> None:
    history.slowest_refusal_s = 4.0


def _complain(history: History, stored: Stored) -> None:
    history.complaints.append("a process left a traceback")


START_OF_ALL = EntryId(0, 0)
PLANTED: dict[Callable[[History, Stored], None], set[str]] = {
    _lose: {"lost"},
    _double_in_the_log: {"doubled"},
    _double_to_a_reader: {"doubled"},
    _say_what_nobody_said: {"unexpected"},
    _move_to_another_room: {"unexpected"},
    _answer_with_another_id: {"wrong_answer", "own_order", "doubled"},
    _answer_with_another_text: {"wrong_answer"},
    _serve_late: {"late"},
    _tell_late: {"late"},
    _tell_twice: {"disorder"},
    _swap: {"disorder"},
    _answer_out_of_order: {"own_order"},
    _skip: {"silent"},
    _skip_the_gap: {"silent"},
    _end_the_gap_too_early: {"silent"},
    _tell_of_a_reset: {"untrue"},
    _keep_the_erased: {"unerased"},
    _tell_of_no_erasure: {"unerased"},
    _drop_a_row: {"view"},
    _drop_a_room: {"view"},
    _show_too_much: {"view"},
    _show_another_order: {"view"},
    _count_twice: {"counts"},
    _count_too_few: {"counts"},
    _leave_pending: {"counts"},
    _refuse_late: {"said_plainly"},
    _complain: {"said_plainly"},
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_found(plant: Callable[[History, Stored], None]) -> None:
    """The defect is found, and it is called by its own name."""
    history, stored = sound()
    plant(history, stored)
    found = {defect.kind for defect in check(history, stored)}
    assert found == PLANTED[plant]


def test_every_kind_of_defect_is_planted() -> None:
    """No check is there that nothing has ever failed."""
    assert set().union(*PLANTED.values()) == set(KINDS)


def test_what_a_fault_takes_is_forgiven_and_no_more() -> None:
    """A message that was accepted in the time that is forgiven may be lost; one from before may not."""
    history, stored = sound()
    _lose(history, stored)
    answered = history.writes[1].answered_at
    history.forgiven = [(answered - 1, answered + 1)]
    assert check(history, stored) == []
    history.forgiven = [(answered + 1, NOW)]
    assert {defect.kind for defect in check(history, stored)} == {"lost"}


def test_what_was_stored_before_a_crash_and_answered_after_it_is_forgiven() -> None:
    """When a message was accepted its id says, too: the answer may have waited."""
    history, stored = sound()
    _lose(history, stored)
    lost = history.writes[1]
    assert lost.id is not None
    lost.answered_at = NOW
    history.forgiven = [(lost.id.ms - 1, lost.id.ms + 1)]
    assert check(history, stored) == []


def test_what_only_a_page_has_shown_may_be_lost_and_said_again() -> None:
    """A message that a page showed just before a crash took it, and that was then accepted under its key
    again, is not doubled; shown before the time that is forgiven it is."""
    history, stored = sound()
    lost = EntryId(TWO.ms - 50, 0)
    shown = Served("page", lost, "lobby", "two", lost.ms + LIFE, lost.ms, lost.ms + 10)
    history.served.append(shown)
    history.forgiven = [(shown.read_at, TWO.ms - 1)]
    assert check(history, stored) == []
    history.forgiven = [(shown.read_at + 1, TWO.ms - 1)]
    assert {defect.kind for defect in check(history, stored)} == {"doubled"}


def test_an_erasure_that_a_fault_takes_is_forgiven_and_no_more() -> None:
    """An erasure that was answered in the time that is forgiven may be lost, and its message be back;
    one from before may not."""
    history, stored = sound()
    erased = next(write for write in history.writes if write.is_erased)
    assert erased.id is not None
    stored.log[erased.id] = (erased.room, erased.text, erased.expires_at - erased.id.ms)
    erased.erased_at = erased.answered_at + 1_000
    history.forgiven = [(erased.erased_at - 1, erased.erased_at + 1)]
    assert "unerased" not in {defect.kind for defect in check(history, stored)}
    history.forgiven = [(erased.erased_at + 1, NOW)]
    assert "unerased" in {defect.kind for defect in check(history, stored)}


def test_a_message_that_is_over_is_not_lost() -> None:
    """What has had its time may be gone, by the furthest that the store's clock has been."""
    history, stored = sound()
    _lose(history, stored)
    stored.furthest = TWO.ms + LIFE
    kinds = {defect.kind for defect in check(history, stored)}
    assert "lost" not in kinds
