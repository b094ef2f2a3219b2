"""A cut before the time takes all of a message along, and whoever could miss it is told."""

import pytest

from consumers.consumer import Consumer
from consumers.cutter import cut
from consumers.fold import Fold
from consumers.projector import Projector
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.entries import START, Entry, EntryId
from messenger.errors import BadField, NotFound
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from tests.consuming import Handled, Reports, drain
from tests.damages import rebuilt, verified
from tests.past import begin_earlier, ids_of_late
from tests.past import fill as fill_past
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, add_posted, counts, now_ms, texts
from web.feed import Feed
from web.remembered import LEAST

OLD_MS = 60_000


def past(
    private_store: PrivateStore, *said: str, room: str = "lobby", ttl: int = 900_000
) -> list[str]:
    """Says so a minute ago, one after the other."""
    with private_store.client() as client:
        if not client.exists(KEYS.log) or not client.xlen(KEYS.log):
            begin_earlier(client)
        begin = now_ms(client) - OLD_MS
        last = client.xinfo_stream(KEYS.log)["last-generated-id"].split(b"-")[0]
        begin = max(begin, int(last) + 1)
        return [
            add_posted(client, f"{begin + at}-0", text, room=room, ttl=ttl)
            for at, text in enumerate(said)
        ]


async def test_the_oldest_go_with_all_that_there_is_of_them(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Entry, row, place in the index and what is due: nothing is left, and the view is the log. A room
    with nothing in it is listed no more."""
    past(private_store, "gone", room="emptied")
    past(private_store, "gone too", ttl=100_000)
    past(private_store, "stays")
    with private_store.client() as client:
        (brief,) = [each[0] for each in client.xrange(KEYS.log) if each[1][b"ttl"] == b"100000"]
        client.zadd(KEYS.expiring, {brief: now_ms(client) + 40_000})
        await project_all(log)
        assert client.zrange(KEYS.rooms, 0, -1) == [b"emptied", b"lobby"]
        done = await cut(log, 2)
        assert done.entries == 2
        assert texts(client) == ["stays"]
        assert client.zcard(KEYS.expiring) == 0
        assert len(client.keys("*:message:*")) == 1
        assert client.zcard(KEYS.room("lobby")) == 1
        assert client.zrange(KEYS.rooms, 0, -1) == [b"lobby"]
    assert [row.text for row in await View(log).page("lobby", None, 10)] == ["stays"]
    assert await verified(logs) == []


async def test_what_was_cut_leaves_a_view_that_is_being_built(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that has read a page which is cut before it is filled in does not bring it back."""
    past(private_store, "gone", "gone too", "stays")
    await project_all(log)
    read = Fold.next

    async def read_and_cut(fold: Fold) -> list[Entry]:
        entries = await read(fold)
        if entries:
            await cut(log, 2)
        return entries

    monkeypatch.setattr(Fold, "next", read_and_cut)
    assert (await rebuilt(logs)).mended == 0
    assert [row.text for row in await View(log).page("lobby", None, 10)] == ["stays"]
    with private_store.client() as client:
        assert len(client.keys("*:message:*")) == 1
    assert await verified(logs) == []


async def test_it_is_told_up_to_where(private_store: PrivateStore, logs: Logs, log: Log) -> None:
    """The meta has the last id that was cut, and how many were; it is nobody's cut by hand."""
    ids = past(private_store, "1", "2", "3", "4")
    assert (await cut(log, 2)).begins_at == EntryId.parse(ids[2]).ms
    assert (await cut(log, 1)).entries == 1
    await Sweeper(logs).step()
    with private_store.client() as client:
        meta = client.hgetall(KEYS.meta)
    assert (meta[b"trimmed_to"].decode(), meta[b"trimmed"]) == (ids[2], b"3")


async def test_the_youngest_are_kept_in_any_case(private_store: PrivateStore, log: Log) -> None:
    """What was posted just now is not cut, however many are asked for."""
    past(private_store, "old")
    new = await log.append(Post("lobby", "me", "new"))
    assert (await cut(log, 500)).entries == 1
    assert (await cut(log, 500))[:2] == (0, new.id.ms)
    with private_store.client() as client:
        assert texts(client) == ["new"]


async def test_a_key_is_free_when_its_message_was_cut(
    private_store: PrivateStore, log: Log
) -> None:
    """The same key again is another message, and says nothing of the one that is gone."""
    first = await log.append(Post("lobby", "me", "said", key="k"))
    with private_store.client() as client:
        client.hset(KEYS.meta, "trimmed_to", str(first.id))
    again = await log.append(Post("lobby", "me", "other words", key="k"))
    assert again.is_new
    assert again.id > first.id
    assert (await log.append(Post("lobby", "me", "other words", key="k"))).id == again.id
    with pytest.raises(BadField):
        await log.append(Post("lobby", "me", "said", key="k"))


async def test_the_keys_of_what_was_cut_are_dropped(private_store: PrivateStore, log: Log) -> None:
    """They take memory as messages do: with the cuts the store's keys are looked through for them."""
    kept = await log.append(Post("lobby", "me", "kept", key="kept"))
    with private_store.client() as client:
        old = f"{kept.id.ms - OLD_MS}-0"
        for number in range(5_000):
            client.set(log.keys.sent("lobby", f"{number}"), f"{old} 900000 x", px=60_000)
        client.hset(KEYS.meta, "trimmed_to", old)
        cursor, calls = b"0", 0
        while calls == 0 or cursor != b"0":
            cursor, calls = (await cut(log, 500, cursor)).cursor, calls + 1
        assert calls > 1
        assert client.keys(KEYS.tag + "sent:*") == [log.keys.sent("lobby", "kept").encode()]


async def test_what_the_projector_has_in_its_hands_does_not_come_into_the_view(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Read, cut, then applied: no row, and it has counted once, as over before it was applied. So has
    what no projector was given."""
    past(private_store, "in its hands", "unread", "stays")
    with private_store.client() as client:
        client.xreadgroup(PROJECTOR, "slow", {KEYS.log: ">"}, count=1)
        entries = await log.range(START)
        assert (await cut(log, 2)).entries == 2
        assert await View(log).apply(entries[:1]) == 1
        await project_all(log, Projector(log))
        assert counts(client)["posted"] == 1
        assert client.hget(KEYS.meta, "expired_unprocessed") == b"2"
        assert len(client.keys("*:message:*")) == 1
    assert await verified(logs) == []


async def test_a_group_that_was_behind_is_told(private_store: PrivateStore, log: Log) -> None:
    """Its consumers are told up to where they have missed something; who had read it all is not."""
    for group in ("behind", "there"):
        async with Consumer(private_store.url, group) as consumer:
            past(private_store, f"first of {group}")
            await drain(consumer, Handled())
    ids = past(private_store, "missed", "stays")
    async with Consumer(private_store.url, "there") as consumer:
        await drain(consumer, Handled())
    assert (await cut(log, 3)).entries == 3
    told = {}
    for group in ("behind", "there"):
        reports = Reports()
        async with Consumer(private_store.url, group, report=reports) as consumer:
            await drain(consumer, Handled())
        told[group] = (reports.trimmed(), reports.expired())
    assert told == {"behind": ([ids[0]], 0), "there": ([], 0)}


@pytest.mark.usefixtures("little_memory")
async def test_who_reads_beyond_memory_is_told_of_a_cut_that_the_tail_has_not_seen(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A reader that comes back is given older messages from the log: what was cut there a moment ago,
    before this process has heard of it, is a gap, and no silence."""
    with private_store.client() as client:
        begin_earlier(client)
        fill_past(client, ids_of_late(client, LEAST + 50))
    feed, seen = Feed(logs), (await log.range(START, count=1))[0].id
    (partition,) = feed.partitions
    try:
        while not partition.is_ready:
            await partition.step()
        assert (await feed.missed("lobby", seen)).gap is None
        await cut(log, 20)
        missed = await feed.missed("lobby", seen)
        assert missed.gap is not None
        assert (missed.gap.reason, missed.gap.after) == ("trimmed", seen)
        with private_store.client() as client:
            assert str(missed.gap.until) == client.hget(KEYS.meta, "trimmed_to").decode()
        assert len(missed.events) == LEAST + 30
    finally:
        await partition.close()


async def test_a_message_that_was_cut_is_not_found_by_its_id(
    private_store: PrivateStore, log: Log
) -> None:
    """Neither in the view nor in the log."""
    (gone, _) = past(private_store, "gone", "stays")
    await project_all(log)
    await cut(log, 1)
    with pytest.raises(NotFound):
        await View(log).message("lobby", EntryId.parse(gone))
    with pytest.raises(NotFound):
        await log.erase("lobby", EntryId.parse(gone), "operator")
