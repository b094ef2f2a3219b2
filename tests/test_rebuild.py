"""`messenger rebuild`: the view from zero, switched in one step; whatever was wrong is right then."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis

from consumers.rebuild import Rebuild
from consumers.sweeper import Sweeper
from consumers.view import View
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import Gone
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.damages import planted, rebuilt, verified
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, counts, holders, now_ms
from tests.waiting import wait_until


def generation(client: redis.Redis) -> str:
    return (client.hget(KEYS.meta, "view") or b"").decode()


async def _apply(log: Log, *ids: EntryId) -> None:
    """What a projector that was given them does with what is there of them."""
    await View(log).apply([entry for each in ids if (entry := await log.entry(each))])


async def test_a_page_is_the_same_before_and_after(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Rows, their ends, the order of a room, the rooms, the words of what is over, the counts."""
    with private_store.client() as client:
        brief = await log.append(Post("lobby", "me", "brief", ttl=1_000))
        there = await planted(client, logs)

        async def is_swept() -> int:
            return (await Sweeper(logs).step()).removed

        await wait_until(is_swept, "the brief one has expired")
        view = View(log)

        async def shown() -> list[Any]:
            pages = [await view.page(room, None, 100) for room in ("lobby", "other")]
            ends = sorted(
                (key.decode().rpartition(":")[2], client.pexpiretime(key))
                for key in client.keys("*:message:*")
            )
            # Not up to when: an erased message lists its room for longer than the log can tell.
            rooms = sorted(row.room for row in await view.rooms(now_ms(client)))
            return [pages, rooms, ends, counts(client)]

        before = await shown()
        await rebuilt(logs)
        assert await shown() == before
        assert generation(client)
        for entry_id, code in ((brief.id, "message-expired"), (there.erased, "message-erased")):
            with pytest.raises(Gone) as gone:
                await view.message("lobby", entry_id)
            assert gone.value.code == code


async def test_what_waits_to_be_applied_is_counted_once(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Entries that nobody was given, and those that a projector holds, before and in the middle of a
    rebuild: each is in the new view once, and counted once, when it is applied."""
    with private_store.client() as client:
        await planted(client, logs)
        posted = counts(client)["posted"]
        waiting = [(await log.append(Post("lobby", "me", f"{n}"))).id for n in range(6)]
        client.xreadgroup(PROJECTOR, "slow", {KEYS.log: ">"}, count=3)
        await rebuilt(logs)
        assert counts(client)["posted"] == posted
        assert await verified(logs) == []
        await _apply(log, *waiting[:3])
        await project_all(log)
        assert counts(client)["posted"] == posted + 6
        assert await verified(logs) == []


async def test_what_waits_among_entries_that_are_no_more_is_counted_once(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A projector holds entries that have gone meanwhile, and one behind them that lives: it is counted
    when it is applied, and not taken for one that was."""
    with private_store.client() as client:
        ids = [(await log.append(Post("lobby", "me", f"{n}"))).id for n in range(5)]
        client.xreadgroup(PROJECTOR, "slow", {KEYS.log: ">"})
        await _apply(log, ids[0])
        client.xdel(KEYS.log, *map(str, ids[1:4]))
        await rebuilt(logs)
        assert counts(client)["posted"] == 1
        await _apply(log, ids[4])
        assert counts(client)["posted"] == 2


@pytest.mark.parametrize("at", ["_carry", "_fill"])
async def test_what_happens_meanwhile_is_in_the_new_view(
    private_store: PrivateStore,
    logs: Logs,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
) -> None:
    """Posts, erasures of what was and of what was not filled in yet, a life that ends: while the new
    view is made, and before it is switched to."""
    step = getattr(Rebuild, at)
    done: list[str] = []

    async def meanwhile(self: Rebuild, *args: Any) -> None:
        if not done:
            done.append("once")
            await everything()
        await step(self, *args)
        if len(done) == 1:
            done.append("twice")
            await everything()

    async def everything() -> None:
        posted = [(await log.append(Post("lobby", "me", f"new {n}"))).id for n in range(4)]
        await log.erase("lobby", posted[0], "author")
        await project_all(log)
        await log.erase("lobby", posted[1], "author")
        await log.erase("lobby", there.living.pop(0), "author")
        await project_all(log)

    monkeypatch.setattr(Rebuild, at, meanwhile)
    with private_store.client() as client:
        there = await planted(client, logs)
        before = counts(client)
        await rebuilt(logs)
        assert done == ["once", "twice"]
        assert await verified(logs) == []
        assert counts(client) == {"posted": before["posted"] + 8, "erased": before["erased"] + 6}


async def test_what_leaves_meanwhile_leaves_both_views(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What expires early, what falls out of the window, and what another program calls erased, after
    it was filled in: the new view says the same of it as the old one, and no text of it is left."""
    step = Rebuild._run

    async def run(self: Rebuild, log: Log, script: Any, keys: Any, args: Any) -> int:
        if script.name == "switch":
            await wait_until(lambda: now_ms(client) > begin + 500, "two have expired")
            assert (await Sweeper(logs).step()).removed == 2
            client.xadd(KEYS.log, {**erased, "message": str(there.living[0])})
            await project_all(log)
            assert set(holders(client, "text 0")) == {KEYS.log}
            assert holders(client, "brief") == holders(client, "old") == []
        return await step(self, log, script, keys, args)

    monkeypatch.setattr(Rebuild, "_run", run)
    erased = {"type": "message.erased", "room": "lobby", "by": "author"}
    with private_store.client() as client:
        begin = now_ms(client)
        # A life longer than the window: its row would outlive its entry.
        fill(client, [f"{begin - 900_000 + 500}-0"], text="old")
        brief = EntryId(begin - 400, 0)
        fill(client, [str(brief)], text="brief", ttl="900")
        client.zadd(KEYS.expiring, {str(brief): brief.ms + 900})
        there = await planted(client, logs)
        await rebuilt(logs)
        with pytest.raises(Gone) as gone:
            await View(log).message("lobby", brief)
        assert gone.value.code == "message-expired"
        # Whoever writes past the messenger is not counted: that is all.
        assert {each.kind for each in await verified(logs)} == {"wrong-count"}


async def test_what_is_erased_leaves_the_old_view_while_it_is_taken_away(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the switch and the end of the old view no text of an erased message is left in it."""
    step, seen = Rebuild._unlink, list[int]()

    async def unlink(self: Rebuild, keys: Any) -> None:
        if generation(client) and not seen:
            seen.append(len(holders(client, "text 0")))
            await log.erase("lobby", there.living[0], "author")
            seen.append(len(holders(client, "text 0")))
        await step(self, keys)

    monkeypatch.setattr(Rebuild, "_unlink", unlink)
    with private_store.client() as client:
        there = await planted(client, logs)
        await rebuilt(logs)
    assert seen == [3, 0]


async def test_under_load_no_page_is_ever_less_than_whole(
    private_store: PrivateStore, logs: Logs, run_messenger: Callable[..., Any]
) -> None:
    """While posts, erasures, short lives, projector and sweeper go on, rebuild after rebuild: what was
    there all the time is on every page, and at the end the view is the log."""
    with private_store.client() as client:
        begin_earlier(client)
        fill(client, ids_of_late(client, 400), room="stays", ttl="900000")
    messenger = await run_messenger()
    log, ended = messenger.logs.all[0], asyncio.Event()
    view, pages, posts = View(log), 0, 0
    await wait_until(lambda: view.page("stays", None, 1), "it is projected")

    async def post() -> None:
        nonlocal posts
        while not ended.is_set():
            posted = [
                await log.append(Post("busy", "me", f"{n}", ttl=None if n % 3 else 1_000))
                for n in range(10)
            ]
            await log.erase("busy", posted[1].id, "author")
            posts += len(posted)

    async def look() -> None:
        nonlocal pages
        while not ended.is_set():
            assert len(await view.page("stays", None, 1_000)) == 400
            pages += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(post())
        group.create_task(look())
        while posts < 600 or pages < 50:
            await rebuilt(messenger.logs)
        ended.set()
    assert await verified(messenger.logs) == []


async def test_all_partitions_are_rebuilt(
    private_store: PrivateStore, store: Store, settings: Callable[..., Settings]
) -> None:
    logs = Logs(store, settings(partitions="3"))
    await logs.settle()
    rooms = [next(f"r{n}" for n in range(50) if logs.of(f"r{n}") is log) for log in logs.all]
    for room in rooms:
        await logs.of(room).append(Post(room, "me", "hello"))
        await project_all(logs.of(room))
    with private_store.client() as client:
        client.delete(*client.keys("*:message:*"))
        assert (await rebuilt(logs)).entries == 3
        assert await verified(logs) == []
        assert len(client.keys("*:view:*:message:*")) == 3
