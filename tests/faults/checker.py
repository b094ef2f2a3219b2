"""Proves a history, in the manner of Jepsen: each check is a promise, and gives what breaks it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from messenger.entries import EntryId
from tests.faults.history import History, Reading, Seen, Stored, Write

# A clock that is read over a socket is late by the reply's way; a frame by a busy machine's turn.
LATE_MS = 250
# All is read back within this: what ends meanwhile may be there or not.
READ_WITHIN_MS = 5_000
REFUSED_WITHIN_S = 3.0
_BUSY_S = 0.7


class Defect(NamedTuple):
    kind: str
    words: str


def check(history: History, stored: Stored) -> list[Defect]:
    """Every way in which a history breaks a promise."""
    return [
        Defect(look.__name__.removeprefix("_"), words)
        for look in _CHECKS
        for words in look(history, stored)
    ]


def _lost(history: History, stored: Stored) -> Iterator[str]:
    """Promise 2: what was accepted is in the log until its time, or was cut for want of room; that
    readers were told of it then is promise 5."""
    for write in _accepted(history):
        if write.expires_at <= max(stored.now, stored.furthest) + LATE_MS or write.may_be_erased:
            continue
        was_cut = write.id is not None and write.id <= stored.trimmed_to
        if write.id not in stored.log and not was_cut and not _is_forgiven(history, write):
            yield f"{write.text} was accepted as {write.id} and is not in the log"


def _doubled(history: History, stored: Stored) -> Iterator[str]:
    """Promise 3: a text that was sent under one key has one id, wherever it is seen."""
    gone = _lost_ids(history, stored)
    ids: dict[str, dict[EntryId, int]] = {}
    for entry_id, text, expires_at in _sightings(history, stored):
        if entry_id not in gone:
            ids.setdefault(text, {})[entry_id] = expires_at
    for text, found in ids.items():
        living_until = 0
        for entry_id in sorted(found):
            # A key is known for as long as its message lives: said again after that it is another.
            if entry_id.ms < living_until:
                yield f"{text} is there as {', '.join(map(str, sorted(found)))}"
            living_until = found[entry_id]


def _unexpected(history: History, stored: Stored) -> Iterator[str]:
    """Nothing is there that nobody has said, and each text in its room."""
    said = {write.text: write.room for write in history.writes}
    for entry_id, (room, text, _) in stored.log.items():
        if said.get(text) != room:
            yield f"{entry_id} in {room} is {text}, which nobody said there"


def _wrong_answer(history: History, stored: Stored) -> Iterator[str]:
    """The answer to a post is about that post, and its id is the stored one."""
    texts = {id_: text for id_, text, _ in _sightings(history, stored, with_writes=False)}
    for write in _accepted(history):
        assert write.id is not None
        if write.answered_text != write.text:
            yield f"{write.text} was answered with {write.answered_text}"
        if texts.get(write.id, write.text) != write.text:
            yield f"{write.text} was accepted as {write.id}, which is {texts[write.id]}"


def _late(history: History, stored: Stored) -> Iterator[str]:
    """Promise 1: no path shows a message after its time."""
    for each in history.served:
        if each.expires_at + LATE_MS <= each.asked_at:
            late = each.asked_at - each.expires_at
            yield f"{each.path} showed {each.text} {late} ms after its time"
    for reading in history.readings:
        for seen in reading.messages():
            if seen.expires_at + LATE_MS <= seen.at:
                late = seen.at - seen.expires_at
                yield f"{reading.name} was told {seen.text} {late} ms after its time"


def _disorder(history: History, stored: Stored) -> Iterator[str]:
    """Promise 4: one order, the log's, for all; and a writer's own messages in the order it sent."""
    for reading in history.readings:
        last = EntryId(0, 0)
        for seen in reading.events:
            if seen.kind == "gap" and seen.reason == "reset":
                last = EntryId(0, 0)
            elif seen.kind == "message":
                if seen.id <= last:
                    yield f"{reading.name} was told {seen.id} after {last}"
                last = seen.id


def _own_order(history: History, stored: Stored) -> Iterator[str]:
    """Promise 4: what one says later in a room comes later."""
    latest: dict[tuple[str, str], EntryId] = {}
    for write in _accepted(history):
        assert write.id is not None
        if _is_forgiven(history, write):
            continue
        if write.id <= latest.get((write.writer, write.room), EntryId(0, 0)):
            yield f"{write.writer} said {write.text} later, and it has the earlier id {write.id}"
        latest[write.writer, write.room] = write.id


def _silent(history: History, stored: Stored) -> Iterator[str]:
    """Promise 5: each reader was told every message of its room, or of the gap that it is in."""
    for reading in history.readings:
        told = {seen.id for seen in reading.messages()}
        gaps = reading.gaps()
        for entry_id, text, expires_at in sorted(_of_room(history, stored, reading.room)):
            if entry_id in told or expires_at <= reading.began_at + LATE_MS:
                continue
            if not _is_covered(entry_id, expires_at, gaps):
                yield f"{reading.name} was told neither of {text} ({entry_id}) nor of a gap"


def _untrue(history: History, stored: Stored) -> Iterator[str]:
    """Promise 5: nobody is told that the history began anew where nothing of it was lost."""
    is_lost = history.forgiven or history.unconfirmed
    for reading in history.readings:
        if not is_lost and any(gap.reason == "reset" for gap in reading.gaps()):
            yield f"{reading.name} was told of a reset that was none"


def _unerased(history: History, stored: Stored) -> Iterator[str]:
    """An erasure that was answered is there at the end, and readers who had the message were told."""
    for write in history.writes:
        if not write.is_erased or write.id is None:
            continue
        if _is_forgiven(history, write) or history.is_forgiven(write.erased_at):
            continue
        if write.id in stored.log:
            yield f"{write.text} was erased and is in the log"
        for reading in history.readings:
            if reading.room == write.room and not _knows_erased(reading, write):
                yield f"{reading.name} was not told that {write.text} is erased"


def _view(history: History, stored: Stored) -> Iterator[str]:
    """Promise 6: the view is the log, and what the web processes show is the log too."""
    wanted: dict[str, list[str]] = {}
    ending = set()
    for entry_id, (room, text, ttl) in sorted(stored.log.items()):
        left_ms = entry_id.ms + ttl - max(stored.now, stored.furthest)
        if left_ms > READ_WITHIN_MS:
            wanted.setdefault(room, []).append(text)
        elif entry_id.ms + ttl > stored.now - LATE_MS:
            # Or it was over by a clock that was set back since.
            ending.add(text)
    for where, texts in (*stored.rows.items(), *stored.pages.items()):
        found = [text for text in texts if text not in ending]
        expected = wanted.get(where.rpartition(" ")[2], [])
        if found != expected:
            missing, more = set(expected) - set(found), set(found) - set(expected)
            yield f"{where} lacks {sorted(missing)[:5]}, has {sorted(more)[:5]} too many"
    for room in wanted.keys() - stored.rows.keys():
        yield f"the view has no room {room}"


def _counts(history: History, stored: Stored) -> Iterator[str]:
    """Promise 6: each message counts once, as posted or as over before it could be counted."""
    counted = stored.posted + stored.expired_unprocessed
    if counted != stored.appended and not history.counts_are_older:
        yield (
            f"{stored.appended} messages were appended, {stored.posted} counted as posted and "
            f"{stored.expired_unprocessed} as over before"
        )
    if stored.pending:
        yield f"{stored.pending} entries are pending for ever"


def _said_plainly(history: History, stored: Stored) -> Iterator[str]:
    """Promise 8: a refusal comes in time; and nothing else was complained of."""
    if history.slowest_refusal_s > REFUSED_WITHIN_S + _BUSY_S:
        yield f"a refusal took {history.slowest_refusal_s:.1f} s"
    yield from history.complaints


_CHECKS: tuple[Callable[[History, Stored], Iterator[str]], ...] = (
    *(
        _lost,
        _doubled,
        _unexpected,
        _wrong_answer,
        _late,
        _disorder,
        _own_order,
        _silent,
        _untrue,
        _unerased,
    ),
    *(_view, _counts, _said_plainly),
)
KINDS = tuple(look.__name__.removeprefix("_") for look in _CHECKS)


def _accepted(history: History) -> Iterator[Write]:
    return (write for write in history.writes if write.id is not None)


def _is_forgiven(history: History, write: Write) -> bool:
    """Whether the message may be lost: what was answered after a crash may have been stored before."""
    return write.id is not None and history.is_forgiven(write.answered_at, write.id.ms)


def _lost_ids(history: History, stored: Stored) -> set[EntryId]:
    """What a fault that no promise covers took, or a cut: said again under its key it is another
    message."""
    return (
        {
            write.id
            for write in _accepted(history)
            if write.id is not None
            and (_is_forgiven(history, write) or write.id <= stored.trimmed_to)
            and write.id not in stored.log
        }
        | {
            seen.id
            for reading in history.readings
            for seen in reading.messages()
            if (history.may_be_gone(seen.at, seen.id.ms) or seen.id <= stored.trimmed_to)
            and seen.id not in stored.log
        }
        | {
            each.id
            for each in history.served
            if (history.may_be_gone(each.read_at, each.id.ms) or each.id <= stored.trimmed_to)
            and each.id not in stored.log
        }
    )


def _sightings(
    history: History, stored: Stored, *, with_writes: bool = True
) -> Iterator[tuple[EntryId, str, int]]:
    """Where a message was seen: its id, its text, and until when it lives."""
    for entry_id, (_, text, ttl) in stored.log.items():
        yield entry_id, text, entry_id.ms + ttl
    for reading in history.readings:
        for seen in reading.messages():
            yield seen.id, seen.text, seen.expires_at
    for each in history.served:
        yield each.id, each.text, each.expires_at
    if with_writes:
        for write in _accepted(history):
            assert write.id is not None
            yield write.id, write.text, write.expires_at


def _of_room(history: History, stored: Stored, room: str) -> set[tuple[EntryId, str, int]]:
    """The messages of a room that are known to have been, accepted or stored: id, text, and until when
    they live."""
    known = {
        (id_, text, id_.ms + ttl) for id_, (where, text, ttl) in stored.log.items() if where == room
    }
    known |= {
        (write.id, write.text, write.expires_at)
        for write in _accepted(history)
        if write.id is not None
        and write.room == room
        and not write.may_be_erased
        and not _is_forgiven(history, write)
    }
    return known


def _is_covered(entry_id: EntryId, expires_at: int, gaps: list[Seen]) -> bool:
    """A new history is told by what lives of it: what has come and gone in it by then is not."""
    return any(
        entry_id <= max(gap.after, gap.until) or expires_at <= gap.at + LATE_MS
        if gap.reason == "reset"
        else gap.after < entry_id <= gap.until
        for gap in gaps
    )


def _knows_erased(reading: Reading, write: Write) -> bool:
    assert write.id is not None
    had = any(seen.id == write.id for seen in reading.messages())
    told = any(seen.kind == "erased" and seen.id == write.id for seen in reading.events)
    # The word of an erasure may have been cut, too, and is then in the gap.
    missed = any(
        gap.reason == "reset" or (gap.reason == "trimmed" and gap.until >= write.id)
        for gap in reading.gaps()
    )
    return told or missed or not had
