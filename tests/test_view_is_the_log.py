"""Promise 6: the view is the log; every entry counts exactly once."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.group import Group
from consumers.projector import Projector
from consumers.redelivery import Redelivery
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger import messages
from messenger.clock import ms_of
from messenger.entries import START, EntryId
from messenger.events import MessageErased, MessagePosted
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, add_posted, counts, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until


async def fold(log: Log) -> dict[str, list[str]]:
    """What the view must hold, from the log alone: each room's texts in order."""
    rooms: dict[str, dict[str, str]] = {}
    for entry in await log.range(START, count=100_000):
        if isinstance(entry.event, MessagePosted):
            rooms.setdefault(entry.event.room, {})[str(entry.id)] = entry.event.text
        elif isinstance(entry.event, MessageErased):
            rooms.get(entry.event.room, {}).pop(entry.event.message, None)
    return {room: list(texts.values()) for room, texts in rooms.items() if texts}


async def viewed(log: Log) -> dict[str, list[str]]:
    """What the view holds."""
    view = View(log)
    now = int(ms_of(await log.store.pipe.call("TIME")))
    rooms = [row.room for row in await view.rooms(now)]
    found = {room: [m.text for m in await view.page(room, None, 100_000)] for room in rooms}
    return {room: texts for room, texts in found.items() if texts}


async def test_a_page_of_thousands(private_store: PrivateStore, log: Log) -> None:
    """More than one look at the index gives: each message once, in order, and what has gone left out."""
    with private_store.client() as client:
        begin_earlier(client)
        ids = list(ids_of_late(client, 2_500))
        fill(client, ids)
        await project_all(log)
        gone = ids[1_400:1_600]
        client.delete(*(KEYS.message(each) for each in gone))
    left = ids[:1_400] + ids[1_600:]
    view = View(log)
    assert [each.id for each in await view.page("lobby", None, 10_000)] == left
    assert [each.id for each in await view.page("lobby", None, 1_500)] == left[-1_500:]
    after = await view.rows_after("lobby", EntryId.parse(ids[0]), 1_500)
    assert [messages.decode(each).id for each in after] == left[1:1_501]


async def test_the_view_equals_a_fold_of_the_log(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """After posts and erasures in several rooms the view is what the log says, and so are the counts."""
    log = messenger.logs.all[0]
    posted = [await messenger.post(f"{n}", room=f"room{n % 3}") for n in range(30)]
    for each in posted[::7]:
        await log.erase(each["room"], EntryId.parse(each["id"]), "author")
    with private_store.client() as client:
        await wait_until(
            lambda: counts(client) == {"posted": 30, "erased": 5}, "every entry has counted once"
        )
    assert await viewed(log) == await fold(log)


async def test_rows_are_the_messages_and_die_with_them(
    private_store: PrivateStore, log: Log
) -> None:
    """A row is the message's JSON, and expires at its expires_at."""
    appended = await log.append(Post("lobby", "Ann", "hello", ttl=60_000))
    await project_all(log, Projector(log))
    with private_store.client() as client:
        row = KEYS.message(str(appended.id))
        message = messages.decode(client.get(row))
        assert (message.author, message.text) == ("Ann", "hello")
        assert client.pexpiretime(row) == message.expires_at == appended.id.ms + 60_000
        assert client.pexpiretime(KEYS.room("lobby")) == message.expires_at
        assert client.pexpiretime(KEYS.rooms) == message.expires_at


async def test_projectors_killed_anywhere_count_everything_once(
    private_store: PrivateStore, log: Log
) -> None:
    """Projectors die after reading and before applying, others take over: each entry counts once."""
    for number in range(200):
        await log.append(Post("lobby", "me", f"{number}"))
    with private_store.client() as client:
        for name in ("dead1", "dead2"):
            client.xreadgroup(PROJECTOR, name, {KEYS.log: ">"}, count=60)
        await project_all(log, Projector(log))
        assert counts(client)["posted"] == 80
        redelivery = Redelivery(log)

        async def all_count() -> bool:
            await redelivery.step()
            return counts(client)["posted"] == 200

        await wait_until(all_count, "idle entries are taken over")
        assert int(client.hget(KEYS.meta, "redelivered")) == 120
        assert client.xpending(KEYS.log, PROJECTOR)["pending"] == 0
    assert await viewed(log) == await fold(log)


async def test_a_batch_delivered_twice_is_applied_once(
    private_store: PrivateStore, log: Log
) -> None:
    """Two that hold the same entries: only who acks applies."""
    for number in range(20):
        await log.append(Post("lobby", "me", f"{number}"))
    group, view = Group(log), View(log)
    batch = await group.new()
    applied = await asyncio.gather(*(view.apply(batch) for _ in range(5)))
    assert sorted(applied) == [0, 0, 0, 0, 20]
    with private_store.client() as client:
        assert counts(client)["posted"] == 20


async def test_projectors_side_by_side_count_everything_once(
    private_store: PrivateStore, log: Log
) -> None:
    """Several projectors of one log share the work, and order between them does not matter."""
    projectors = [Projector(log) for _ in range(3)]
    posted = [await log.append(Post("lobby", "me", f"{number}")) for number in range(60)]
    for each in posted[::5]:
        await log.erase("lobby", each.id, "operator")
    await asyncio.gather(*(project_all(log, projector) for projector in projectors))
    with private_store.client() as client:
        await wait_until(
            lambda: client.xpending(KEYS.log, PROJECTOR)["pending"] == 0, "nothing is pending"
        )
        # Twelve were erased before a projector had them: erasing counted them.
        assert counts(client) == {"posted": 60, "erased": 12}
    assert await viewed(log) == await fold(log)


async def test_an_erased_message_does_not_come_back(private_store: PrivateStore, log: Log) -> None:
    """A projector that held the message when it was erased does not write its text again."""
    appended = await log.append(Post("lobby", "me", "oops"))
    group, view = Group(log), View(log)
    batch = await group.new()
    await log.erase("lobby", appended.id, "author")
    await view.apply(batch)
    with private_store.client() as client:
        assert client.get(KEYS.message(str(appended.id))) == b"erased"
    assert await view.page("lobby", None, 10) == []


async def test_a_lost_reply_is_read_again(private_store: PrivateStore, log: Log) -> None:
    """What the store had delivered when the connection went is read again at once."""
    projector = Projector(log)
    await projector.step()
    await log.append(Post("lobby", "me", "hello"))
    with private_store.client() as client:
        client.xreadgroup(PROJECTOR, Group(log).consumer, {KEYS.log: ">"})
        restarted = Projector(log)
        assert await restarted.step() == 1
        assert counts(client)["posted"] == 1


async def test_what_was_trimmed_while_pending_is_counted_and_not_waited_for(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Entries that expired before they were applied leave the pending list, and are counted."""
    with private_store.client() as client:
        now = now_ms(client)
        for number in range(3):
            add_posted(client, f"{now - 1_000_000 + number}-0", "late")
        client.xreadgroup(PROJECTOR, "dead", {KEYS.log: ">"}, count=1)
        await Sweeper(logs).step()
        redelivery = Redelivery(log)

        async def is_clear() -> bool:
            await redelivery.step()
            return client.xpending(KEYS.log, PROJECTOR)["pending"] == 0

        await wait_until(is_clear, "nothing is pending")
        assert int(client.hget(KEYS.meta, "expired_unprocessed")) == 3


async def test_a_malformed_entry_blocks_nobody(private_store: PrivateStore, log: Log) -> None:
    """An entry that breaks the contract goes to the dead letters with the reason; the next is read."""
    with private_store.client() as client:
        client.xadd(
            KEYS.log, {"type": "message.posted", "room": "lobby", "author": "x", "text": "y"}
        )
        client.xadd(KEYS.log, {"type": "message.starred", "room": "lobby"})
        await log.append(Post("lobby", "me", "after"))
        await project_all(log, Projector(log))
        ((_, letter),) = client.xrange(KEYS.dead(PROJECTOR))
        assert letter[b"error"] == b"the field ttl is missing"
        assert letter[b"group"] == PROJECTOR.encode()
        assert letter[b"text"] == b"y"
        assert client.xpending(KEYS.log, PROJECTOR)["pending"] == 0
    assert await viewed(log) == {"lobby": ["after"]}


async def test_the_group_is_made_anew_without_counting_twice(
    private_store: PrivateStore, log: Log
) -> None:
    """Somebody destroyed the group: the log is read from its start, and nothing counts again."""
    projector = Projector(log)
    for number in range(10):
        await log.append(Post("lobby", "me", f"{number}"))
    await project_all(log, projector)
    with private_store.client() as client:
        client.xgroup_destroy(KEYS.log, PROJECTOR)
        await log.append(Post("lobby", "me", "after"))
        await projector.step()
        await project_all(log, projector)
        assert counts(client)["posted"] == 11
    assert await viewed(log) == await fold(log)


async def test_a_flushed_store_is_filled_again(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """The store was emptied under the worker: it finds its way back by itself."""
    messenger = await run_messenger()
    await messenger.post("before")
    with private_store.client() as client:
        client.flushall()
    await messenger.post("after")
    log = messenger.logs.all[0]

    async def is_projected() -> bool:
        return await viewed(log) == {"lobby": ["after"]}

    await wait_until(is_projected, "the view holds what was posted since")


async def test_an_entry_of_the_far_future_stops_nobody(
    private_store: PrivateStore, log: Log
) -> None:
    """Another program gave an entry an absurd id: it is applied, and so is what comes after."""
    with private_store.client() as client:
        add_posted(client, f"{2**62}-0", "from the future", room="future")
        client.xadd(
            KEYS.log, {"type": "message.erased", "room": "a", "message": "x", "by": "author"}
        )
        projector = Projector(log)
        await project_all(log, projector)
        assert client.xpending(KEYS.log, PROJECTOR)["pending"] == 0
        assert client.xlen(KEYS.dead(PROJECTOR)) == 1
        assert client.exists(KEYS.message(f"{2**62}-0"))


@pytest.mark.parametrize("gone", ["group", "log"])
async def test_what_has_no_group_any_more_is_applied_by_nobody(
    private_store: PrivateStore, log: Log, gone: str
) -> None:
    """The group, or all of the log, is deleted while a batch is on its way to the view: nothing is
    applied or counted, and nothing breaks."""
    await log.append(Post("lobby", "me", "text"))
    entries = await log.range(START)
    with private_store.client() as client:
        if gone == "log":
            client.delete(KEYS.log)
        else:
            client.xgroup_destroy(KEYS.log, PROJECTOR)
        assert await View(log).apply(entries) == 0
        assert counts(client) == {}
        assert not client.exists(KEYS.message(str(entries[0].id)))
