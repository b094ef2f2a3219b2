"""Promise 1: gone on time."""

import asyncio
import gc
from collections.abc import Callable

from consumers.stats import read_stats
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.entries import EntryId
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, holders, now_ms, texts
from tests.serving import Messenger
from tests.waiting import wait_until
from web.live import Held
from web.room import Room


async def test_no_path_shows_a_message_after_its_time(
    logs: Logs, private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """A message whose time is over is in no page, no answer, no stream, also while it is stored."""
    with private_store.client() as client:
        old = add_posted(client, f"{now_ms(client) - 5_000}-0", "over", ttl=4_000)
        young = add_posted(client, f"{now_ms(client) - 4_000}-0", "living")
        messenger = await run_messenger(with_worker=False)
        assert texts(client) == ["over", "living"]
    assert await messenger.texts() == ["living"]
    assert await messenger.texts(after="0-0") == ["living"]
    gone = await messenger.problem("GET", f"/api/rooms/lobby/messages/{old}")
    assert (gone["status"], gone["code"]) == (410, "message-expired")
    async with messenger.stream(after="0-0") as stream:
        assert (await stream.until("message")).id == young
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        assert "over" not in (await response.text()).split("<ol")[1].split("</ol>")[0]


async def test_a_short_life_ends_on_time_everywhere(messenger: Messenger) -> None:
    """A message with a life of its own is shown until its time, and never after it."""
    posted = await messenger.post("brief", ttl=1_000)
    shown = True
    while shown:
        page = await messenger.page()
        shown = bool(page["messages"])
        assert shown == (page["now"] < posted["expires_at"])
        await asyncio.sleep(0.005)
    path = f"/api/rooms/lobby/messages/{posted['id']}"
    assert (await messenger.problem("GET", path))["code"] == "message-expired"


async def test_the_bytes_leave_the_store_within_a_second(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """Nobody posts, and still log and view are empty of the text a second after its time."""
    messenger = await run_messenger(window="1s")
    with private_store.client() as client:
        posted = await messenger.post("the secret word")
        await wait_until(lambda: client.xlen(KEYS.log) == 0, "the log is empty")
        late_ms = now_ms(client) - posted["expires_at"]
        assert late_ms <= 1_000
        assert holders(client, "the secret word") == []
    (stats,) = (await read_stats(messenger.logs)).partitions
    assert 0 <= stats.erasure_delay_ms <= 1_000


async def test_a_shorter_life_than_the_window_leaves_no_bytes(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """Also a message that goes before its neighbours is really gone, and not only marked."""
    await messenger.post("before")
    brief = await messenger.post("the secret word", ttl=1_000)
    await messenger.post("after")
    with private_store.client() as client:
        await wait_until(lambda: texts(client) == ["before", "after"], "the text left the log")
        assert now_ms(client) - brief["expires_at"] <= 1_000
        assert holders(client, "the secret word") == []
        assert client.zcard(KEYS.expiring) == 0


async def test_posting_takes_the_expired_along(
    private_store: PrivateStore, log: Log, settings: Callable[..., Settings]
) -> None:
    """A post trims exactly what is over, with its rows, also where no sweeper runs."""
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 900_001}-0", "over")
        add_posted(client, f"{now - 800_000}-0", "living")
        client.set(KEYS.message(f"{now - 900_001}-0"), "{}", px=60_000)
        await log.append(Post("lobby", "me", "new"))
        assert texts(client) == ["living", "new"]
        assert not client.exists(KEYS.message(f"{now - 900_001}-0"))


async def test_a_long_backlog_is_swept_in_parts(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """However much has expired, a post takes only a bounded part, and the sweeper takes all."""
    with private_store.client() as client:
        begin = now_ms(client) - 1_000_000
        pipeline = client.pipeline(transaction=False)
        for number in range(2_500):
            pipeline.xadd(
                KEYS.log,
                {
                    "type": "message.posted",
                    "room": "a",
                    "author": "b",
                    "text": "c",
                    "ttl": "900000",
                },
                id=f"{begin + number}-0",
            )
        pipeline.execute()
        await log.append(Post("lobby", "me", "new"))
        assert client.xlen(KEYS.log) == 2_501 - 64
        swept = await Sweeper(logs).step()
        assert swept.removed == 2_500 - 64
        assert swept.late_ms > 90_000
        assert texts(client) == ["new"]


async def test_what_expired_while_nobody_swept_goes_before_the_worker_starts(
    private_store: PrivateStore, logs: Logs, run_messenger: Callable[..., Messenger]
) -> None:
    """The next start sweeps what a killed sweeper left."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 1_000_000}-0", "left over")
        await run_messenger()
        await wait_until(lambda: texts(client) == [], "the log is swept")


async def test_an_expired_message_is_told_from_one_that_never_was(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """410 for a message that is over, also after a restart; 404 for one that never was."""
    brief = await messenger.post("brief", ttl=1_000)
    view, room = View(messenger.logs.all[0]), "lobby"
    with private_store.client() as client:
        await wait_until(lambda: texts(client) == [], "it is swept")
        row = KEYS.message(brief["id"])
        assert client.get(row) == b"expired"
        assert client.pttl(row) > 800_000
    never = EntryId.parse(brief["id"])._replace(seq=7)
    found = await messenger.problem("GET", f"/api/rooms/{room}/messages/{never}")
    assert (found["status"], found["code"]) == (404, "message-not-found")
    assert await view.page(room, None, 10) == []


async def test_the_feed_holds_nothing_that_is_over(messenger: Messenger) -> None:
    """The web process's own memory lets go of a text, also when nobody asks for it."""
    await messenger.post("a very special word", ttl=1_000)
    await messenger.page()

    def is_held() -> bool:
        rooms = [each for each in gc.get_objects() if isinstance(each, Room)]
        known = [event for room in rooms for event in room._known.values()]
        return any(isinstance(each, Held) and b"special" in each.body for each in known)

    assert is_held()
    await wait_until(lambda: not is_held(), "the feed forgot it")


async def test_what_the_window_and_a_short_life_both_end_counts_once(
    private_store: PrivateStore, logs: Logs
) -> None:
    """Nobody swept for longer than the window: a short life is over in two ways, and is counted once."""
    with private_store.client() as client:
        old = add_posted(client, f"{now_ms(client) - 1_000_000}-0", "late", ttl=60_000)
        client.zadd(KEYS.expiring, {old: now_ms(client) - 940_000})
        await Sweeper(logs).step()
        assert client.hmget(KEYS.meta, "expired_unprocessed", "swept") == [b"1", b"1"]
