"""The log, the view and the feed against a list in memory, through whatever hypothesis thinks of."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consumers.cutter import cut
from consumers.view import View
from messenger.entries import START, EntryId
from messenger.errors import NotFound
from messenger.events import MessagePosted
from messenger.log import Appended, Post
from tests.faults import faketime
from tests.oracle import Oracle, Said
from tests.parts import BLOCK, Parts
from tests.private_store import PrivateStore
from tests.raw import KEYS, counts, now_ms
from web.live import Held

WINDOW_MS = 20_000
# What is younger than a tenth of the window is not cut.
KEPT_MS = WINDOW_MS // 10
ROOMS = ("a", "b")
_rooms = st.sampled_from(ROOMS)


class Reader:
    """Who left a room at a cursor, and what had been told by then."""

    def __init__(self, cursor: EntryId, epoch: str) -> None:
        self.cursor = cursor
        self.epoch = epoch


class Machine(RuleBasedStateMachine):
    """What is done to the parts, in any order."""

    def __init__(self, private: PrivateStore) -> None:
        super().__init__()
        self.parts = Parts(private, WINDOW_MS)
        self.client = self.parts.client
        self.log = self.parts.log
        self.oracle = Oracle()
        self.readers: dict[str, Reader] = {}
        self.number = 0

    def teardown(self) -> None:
        self.parts.close()

    def now(self) -> int:
        now = now_ms(self.client)
        self.oracle.pass_time(now)
        return now

    # What people do.

    @rule(room=_rooms, ttl=st.sampled_from((None, None, 1_000, 5_000)), has_key=st.booleans())
    def post(self, room: str, ttl: int | None, has_key: bool) -> None:
        self.number += 1
        text = f"{self.number}"
        key = f"key {text}" if has_key else None
        post = Post(room, "me", text, ttl=ttl, key=key)
        self._accept(post, self.parts.run(self.log.append(post)))

    def _accept(self, post: Post, appended: Appended) -> None:
        last = max((each.id for each in self.oracle.said), default=START)
        assert appended.id > last
        self.oracle.appended += 1
        expires_at = appended.id.ms + appended.ttl
        self.oracle.said.append(Said(appended.id, post.room, post.text, expires_at, post.key))

    @precondition(lambda self: any(each.key for each in self.oracle.said))
    @rule(data=st.data())
    def post_again(self, data: Any) -> None:
        """The same key is the same message for as long as it lives; what was cut lives no more."""
        self.now()
        keyed = [each for each in self.oracle.said if each.key and not each.was_over]
        if not keyed:
            return
        chosen = data.draw(st.sampled_from(keyed))
        ttl = chosen.expires_at - chosen.id.ms
        asked = None if ttl == WINDOW_MS else ttl
        post = Post(chosen.room, "me", chosen.text, ttl=asked, key=chosen.key)
        appended = self.parts.run(self.log.append(post))
        self.now()
        if appended.id == chosen.id:
            assert not chosen.is_trimmed
        else:  # lost replies took longer than it had to live, or it was cut
            assert chosen.was_over or chosen.is_trimmed
            chosen.key = None
            self._accept(post, appended)

    @precondition(lambda self: self.oracle.said)
    @rule(data=st.data())
    def erase(self, data: Any) -> None:
        chosen = data.draw(st.sampled_from(self.oracle.said))
        self.now()
        try:
            self.parts.run(self.log.erase(chosen.room, chosen.id, "author"))
        except NotFound:
            self.now()
            assert chosen.was_over or chosen.is_trimmed
        else:
            assert not chosen.is_trimmed or chosen.is_erased
            chosen.is_erased = True

    @rule(room=_rooms)
    def leave(self, room: str) -> None:
        """A reader has read all, and goes."""
        self.parts.catch_up()
        self.readers[room] = Reader(self.parts.partition.cursor, self.parts.partition.epoch)

    @rule(room=_rooms)
    def come_back(self, room: str) -> None:
        """A reader resumes: it gets all that came since and lives, and is told of what does not."""
        self.parts.catch_up()
        reader = self.readers.pop(room, None)
        if reader is None:
            return
        self.now()
        missed = self.parts.run(self.parts.feed.missed(room, reader.cursor))
        if missed.gap is not None and missed.gap.reason == "reset":
            assert reader.epoch != self.parts.partition.epoch
            self.oracle.check(
                "a reset", room, [each.id for each in missed.events if _is_held(each)]
            )
            return
        assert reader.epoch == self.parts.partition.epoch
        told = {each.id for each in missed.events}
        for each in self.oracle.said:
            if each.room == room and each.id > reader.cursor and each.id not in told:
                in_gap = missed.gap is not None and each.id <= missed.gap.until
                assert each.is_erased or in_gap, f"{each} was missed silently"

    # What time does.

    @precondition(lambda self: faketime.library())
    @rule(seconds=st.sampled_from((1, 2, 6, 25)))
    def advance(self, seconds: int) -> None:
        self.parts.set_clock(self.parts.ahead_s + seconds)
        self.now()

    @precondition(lambda self: faketime.library())
    @rule(seconds=st.sampled_from((1, 7)))
    def step_back(self, seconds: int) -> None:
        self.now()
        self.parts.set_clock(self.parts.ahead_s - seconds)
        self.parts.believe_clock()

    # What the worker does, and what is done to it.

    @rule()
    def project(self) -> None:
        self.parts.project()

    @rule()
    def sweep(self) -> None:
        self.now()
        self.parts.run(self.parts.turn(self.parts.sweeper.step()))
        assert self.client.zcount(KEYS.expiring, "-inf", self.now() - 1_000) == 0

    @rule()
    def kill_projector(self) -> None:
        """It dies with a batch in its hands."""
        self.parts.kill_projector(f"dead{self.number}")

    # What is done to the store and to the way there.

    @rule(count=st.integers(1, 3))
    def cut_replies(self, count: int) -> None:
        """The next scripts are done, and nobody hears of it."""
        self.parts.proxy.lose_replies("cut", count)

    @rule()
    def reconnect(self) -> None:
        self.parts.proxy.reset()

    @rule()
    def flush(self) -> None:
        self.client.flushall()
        self.parts.run(self.log.settle())
        self.oracle.flush()

    @precondition(lambda self: self.oracle.said)
    @rule(data=st.data())
    def trim(self, data: Any) -> None:
        """An operator cuts the log by hand, and says so."""
        to = data.draw(st.sampled_from(self.oracle.said)).id
        with self.client.pipeline() as pipeline:
            pipeline.xtrim(KEYS.log, minid=f"{to.ms}-{to.seq + 1}", approximate=False)
            pipeline.hset(KEYS.meta, "trimmed_to", str(to))
            pipeline.execute()
        self.oracle.trim(to)

    @rule(most=st.integers(1, 5))
    def cut(self, most: int) -> None:
        """The store is nearly full, and its oldest messages are cut: how many, and how often where the
        reply is lost, it says itself; but nothing that was posted just now."""
        before = self.client.hget(KEYS.meta, "trimmed_to")
        self.parts.run(cut(self.log, most))
        cut_to = self.client.hget(KEYS.meta, "trimmed_to")
        if cut_to and cut_to != before:
            assert EntryId.read(cut_to).ms <= self.now() - KEPT_MS
            self.oracle.trim(EntryId.read(cut_to))

    # What must be so.

    @rule()
    def look(self) -> None:
        """Log, memory and view hold what the list holds, and all has counted once."""
        self.parts.catch_up()
        self.parts.project_all()
        found = [(room, *self._read(room)) for room in ROOMS]
        # After reading: what took its time to be read may be over by now.
        self.now()
        trimmed = {each.id for each in self.oracle.said if each.is_trimmed}
        for room, logged, held, rows in found:
            self.oracle.check("the log", room, logged)
            self.oracle.check("memory", room, held)
            self.oracle.check("the view", room, [each for each in rows if each not in trimmed])
        if not any(each.is_trimmed for each in self.oracle.said):
            self._look_at_counts()

    def _read(self, room: str) -> tuple[list[EntryId], list[EntryId], list[EntryId]]:
        """The ids that the log, memory and the view have of a room."""
        logged = self.parts.run(self.log.range(START, count=10_000))
        posted = [e for e in logged if isinstance(e.event, MessagePosted) and e.event.room == room]
        feed = self.parts.feed
        held = feed.newest(room, 100, feed.clock.now()).held
        rows = self.parts.run(View(self.log).page(room, None, 100))
        return (
            [each.id for each in posted],
            [each.id for each in held],
            [EntryId.parse(row.id) for row in rows],
        )

    def _look_at_counts(self) -> None:
        over = int(self.client.hget(KEYS.meta, "expired_unprocessed") or 0)
        counted = counts(self.client).get("posted", 0) + over
        erased = counts(self.client).get("erased", 0)
        # An event of erasure may be over before it is read, and then counts as such.
        assert self.oracle.appended <= counted <= self.oracle.appended + erased


def _is_held(event: object) -> bool:
    return isinstance(event, Held)


@pytest.fixture
def timed_store() -> Iterator[PrivateStore]:
    """A store whose clock can be set, where libfaketime is installed."""
    private = PrivateStore()
    if faketime.library():
        private.environment |= faketime.faked_time(private.data_dir)
    private.start()
    yield private
    private.remove()


def test_the_messenger_is_its_model(
    timed_store: PrivateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posts, erasures, time, lost replies, dead projectors, flushes, in any order: log, memory, view,
    counts and resumes are what the list says."""
    monkeypatch.setattr(*BLOCK)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Machine(timed_store),
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
