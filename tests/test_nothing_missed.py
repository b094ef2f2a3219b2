"""Promises 4 and 5: one order per room, nothing missed silently."""

import asyncio
from collections.abc import Callable

import pytest

from messenger.entries import EntryId
from messenger.log import Log, Logs, Post
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.sinks import Recorder
from tests.waiting import wait_until
from web.feed import Feed
from web.heartbeat import Heartbeat
from web.remembered import LEAST


async def test_everyone_sees_one_order(messenger: Messenger) -> None:
    """However many write at once, all streams, the page and the log have the same order."""
    async with messenger.stream() as one, messenger.stream() as two:
        await asyncio.gather(*(messenger.post(f"{number}") for number in range(60)))
        first = [message["id"] for message in await one.messages(60)]
        second = [message["id"] for message in await two.messages(60)]
    page = await messenger.page(limit=100)
    logged = await messenger.logs.all[0].range(EntryId(0, 0))
    assert first == second == [message["id"] for message in page["messages"]]
    assert first == [str(entry.id) for entry in logged]


async def test_history_and_live_meet_without_a_hole_or_a_double(messenger: Messenger) -> None:
    """Readers that come while others post get every message after their cursor exactly once."""
    before = await messenger.page()
    posting = asyncio.create_task(_post_many(messenger, 120))

    async def read() -> list[str]:
        async with messenger.stream(after=before["cursor"]) as stream:
            return [message["text"] for message in await stream.messages(120)]

    readers = []
    for _ in range(8):
        readers.append(asyncio.create_task(read()))
        await asyncio.sleep(0)  # between two posts, not after a time
    expected = await posting
    for reader in readers:
        assert await reader == expected


async def test_a_reconnect_resumes_exactly(messenger: Messenger) -> None:
    """A reader that is cut again and again and comes back by its last id misses and doubles nothing."""
    posting = asyncio.create_task(_post_many(messenger, 100))
    seen: list[str] = []
    last_id = "0-0"
    while len(seen) < 100:
        async with messenger.stream(last_id=last_id) as stream:
            seen += [message["text"] for message in await stream.messages(min(7, 100 - len(seen)))]
            last_id = stream.last_id
    assert seen == await posting


async def test_the_header_wins_over_the_query(messenger: Messenger) -> None:
    """A browser's own last id is newer than the one in the page's address."""
    first, second = await messenger.post("first"), await messenger.post("second")
    async with messenger.stream(after="0-0", last_id=first["id"]) as stream:
        assert (await stream.messages(1))[0]["id"] == second["id"]


@pytest.mark.usefixtures("little_memory")
async def test_a_resume_reaches_behind_what_is_remembered(
    log: Log, private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """More was said than memory holds: the rest comes from the log, in order, through the same gate."""
    count = LEAST + 300
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        pipeline = client.pipeline(transaction=False)
        for number in range(count):
            room = "lobby" if number % 2 else "other"
            for each in {room, "lobby"}:
                fields = {"type": "message.posted", "room": each, "author": "a"}
                pipeline.xadd(
                    KEYS.log,
                    {**fields, "text": f"{number}", "ttl": "900000"},
                    id=f"{begin + number}-*",
                )
        pipeline.execute()
    messenger = await run_messenger()
    async with messenger.stream(after="0-0") as stream:
        texts = [message["text"] for message in await stream.messages(count)]
    assert texts == [f"{number}" for number in range(count)]


async def test_a_message_erased_meanwhile_is_told(messenger: Messenger) -> None:
    """Who was away when a message was erased is told so, to take it off the screen."""
    posted = await messenger.post("oops")
    async with messenger.stream(after="0-0") as stream:
        await stream.messages(1)
        last_id = stream.last_id
    await _erase(messenger, posted)
    async with messenger.stream(last_id=last_id) as stream:
        erased = await stream.until("erased")
    assert erased.data == {"room": "lobby", "message": posted["id"], "by": "author"}


async def test_what_expired_meanwhile_is_a_gap(
    log: Log, private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """Messages came and went while a reader was away: it is told from where to where."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 9_000_000}-old")
        seen = f"{now - 2_000_000}-0"
        add_posted(client, f"{now - 1_000}-0", "still there")
    messenger = await run_messenger()
    async with messenger.stream(last_id=seen) as stream:
        hello, gap, message = await stream.take(3)
    assert hello.name == "hello"
    assert (gap.name, gap.data["reason"], gap.data["after"]) == ("gap", "expired", seen)
    assert EntryId.parse(gap.data["until"]).ms >= now - 900_000
    assert message.data["text"] == "still there"


async def test_a_short_life_that_ended_meanwhile_is_a_gap(messenger: Messenger) -> None:
    """Also a message with a life of its own is not missed silently."""
    first = await messenger.post("first")
    brief = await messenger.post("brief", ttl=1_000)
    room = messenger.url + "/api/rooms/lobby/messages/" + brief["id"]

    async def is_gone() -> bool:
        async with messenger.session.get(room) as response:
            return response.status == 410

    await wait_until(is_gone, "the brief message is over")

    await messenger.post("last")
    async with messenger.stream(last_id=first["id"]) as stream:
        gap = await stream.until("gap")
    assert gap.data == {"reason": "expired", "after": first["id"], "until": brief["id"]}


async def test_nothing_is_said_where_nothing_was_missed(messenger: Messenger) -> None:
    """A reader that has everything gets its hello and no gap; so does one that asks for all."""
    posted = await messenger.post("seen", ttl=2_000)
    for cursor in (posted["id"], "0-0", (await messenger.page())["cursor"]):
        async with messenger.stream(after=cursor) as stream:
            assert (await stream.next()).name == "hello"
            await messenger.post("next")
            names = [(await stream.next()).name]
            assert "gap" not in names


async def test_an_early_cut_is_announced(private_store: PrivateStore, messenger: Messenger) -> None:
    """What somebody cut by hand before its time leaves the pages, and readers, there or away, are told:
    the sweeper notices."""
    first, second = await messenger.post("first"), await messenger.post("second")
    async with messenger.stream() as stream:
        await stream.next()
        with private_store.client() as client:
            client.xtrim(KEYS.log, minid=second["id"], approximate=False)
        gap = await stream.until("gap")
    assert gap.data["reason"] == "trimmed"
    assert EntryId.parse(first["id"]) <= EntryId.parse(gap.data["until"])
    assert EntryId.parse(gap.data["until"]) < EntryId.parse(second["id"])
    await messenger.post("third")
    assert await messenger.texts() == ["second", "third"]
    before = EntryId.parse(first["id"])
    async with messenger.stream(last_id=str(EntryId(before.ms - 1, 0))) as stream:
        # Before this history's birth it would be a reset: the id is between both.
        event = await stream.until("gap")
    assert event.data["reason"] in ("trimmed", "reset")


@pytest.mark.parametrize("how", ["flushall", "delete"])
async def test_a_new_history_is_announced(
    private_store: PrivateStore, messenger: Messenger, how: str
) -> None:
    """The store was emptied: readers, there or away, are told to begin anew; posting goes on."""
    old = await messenger.post("old")
    async with messenger.stream() as stream:
        epoch = (await stream.next()).data["epoch"]
        with private_store.client() as client:
            client.flushall() if how == "flushall" else client.delete(KEYS.log)
        gap = await stream.until("gap")
        assert gap.data["reason"] == "reset"
        new = await messenger.post("new")
        assert (await stream.until("message")).id == new["id"]
    assert await messenger.texts() == ["new"]
    async with messenger.stream(last_id=old["id"]) as stream:
        hello, gap, message = await stream.take(3)
    assert hello.data["epoch"] != epoch
    assert gap.data["reason"] == "reset"
    assert message.id == new["id"]


async def test_an_id_of_the_future_is_a_reset(messenger: Messenger) -> None:
    """A cursor that this history never gave is not waited for."""
    posted = await messenger.post("now")
    future = f"{posted['created_at'] + 10_000_000}-0"
    async with messenger.stream(last_id=future) as stream:
        _, gap, message = await stream.take(3)
    assert gap.data == {"reason": "reset", "after": future, "until": "0-0"}
    assert message.id == posted["id"]


async def test_a_heartbeat_moves_only_those_who_have_everything(
    private_store: PrivateStore, logs: Logs
) -> None:
    """A heartbeat carries the id up to which an open reader has everything, whoever spoke elsewhere;
    one that still waits for its history gets none."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    open_sink, waiting_sink = Recorder(), Recorder()
    for sink in (open_sink, waiting_sink):
        await feed.subscribe("quiet", None, sink.subscriber)
    open_sink.subscriber.open()
    elsewhere = await logs.of("loud").append(Post("loud", "me", "over there"))
    await partition.step()
    await Heartbeat(feed).beat()
    comment, entry_id = open_sink.written.split(b"\n", 1)
    assert comment.startswith(b":")
    assert entry_id == f"id: {elsewhere.id}\n\n".encode()
    assert waiting_sink.written == b""
    await partition.close()


async def test_heartbeats_for_thousands_leave_the_others_their_turn(logs: Logs) -> None:
    """They go out some hundred at a time, one to each, with what it has."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    sinks = [Recorder() for _ in range(1_200)]
    for sink in sinks:
        await feed.subscribe("quiet", None, sink.subscriber)
        sink.subscriber.open()
    beating = asyncio.create_task(Heartbeat(feed).beat())
    await asyncio.sleep(0)
    assert sum(bool(sink.written) for sink in sinks) == 500
    elsewhere = await logs.of("loud").append(Post("loud", "me", "over there"))
    await beating
    assert all(sink.written.count(b"id: ") == 1 for sink in sinks)
    assert not any(str(elsewhere.id).encode() in sink.written for sink in sinks)
    await partition.step()
    await Heartbeat(feed).beat()
    assert all(sink.written.endswith(f"id: {elsewhere.id}\n\n".encode()) for sink in sinks)
    await partition.close()


async def _post_many(messenger: Messenger, count: int) -> list[str]:
    for number in range(count):
        await messenger.post(f"{number}")
    return [f"{number}" for number in range(count)]


async def _erase(messenger: Messenger, posted: dict[str, str]) -> None:
    async with messenger.session.delete(
        f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}",
        headers={"Authorization": f"Bearer {posted['erase_token']}"},
    ) as response:
        assert response.status == 204
