"""What goes on in the store while a repartition is at work: cut, swept, projected and posted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from consumers.cutter import cut
from consumers.moving import Moving
from consumers.repartition import Repartition
from consumers.splitting import PAGE, Split
from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.keys import Keys
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.damages import verified
from tests.past import begin_earlier, fill
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, now_ms
from tests.repartitioning import ROOMS, by_room, in_force, repartitioned, room_in, talk
from tests.serving import serving
from tests.waiting import wait_until

Make = Callable[..., Settings]
ToTwo = Callable[[], Awaitable[Logs]]


@pytest.fixture
def to_two(store: Store, logs: Logs, settings: Make) -> ToTwo:
    """Has the store's one partition made two; the logs that there are then."""
    return lambda: repartitioned(store, settings(), 2)


async def test_nothing_is_cut_behind_the_fence(
    private_store: PrivateStore, logs: Logs, to_two: ToTwo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cut early while the number changes would come back by its copy; a moment later it may be
    cut where it is then."""
    with private_store.client() as client:
        begin_earlier(client)
        begin = now_ms(client) - 30_000
        fill(client, [f"{begin + at}-0" for at in range(20)], 0, text="old")
        await project_all(logs.all[0])
        whole, seen = Moving.commit, []

        async def commit(moving: Moving) -> None:
            seen.append(await cut(logs.all[0], 500, b"7"))
            await whole(moving)

        monkeypatch.setattr(Moving, "commit", commit)
        found = await to_two()
        assert seen == [(0, -1, b"7")]
        assert sum(client.xlen(log.keys.log) for log in found.all) == 20
        assert sum([(await cut(log, 500)).entries for log in found.all]) == 20
        assert await verified(found) == []


async def test_readers_are_told_of_what_only_the_copy_has_swept(
    private_store: PrivateStore, logs: Logs, to_two: ToTwo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody sweeps the old log just then, the new one knows how far it was swept itself."""
    room, log = room_in(1, 2), logs.all[0]
    await log.append(Post(room, "me", "early", ttl=1_000))
    with private_store.client() as client:

        async def is_swept() -> bool:
            await Sweeper(logs).step()
            return bool(client.hexists(KEYS.meta, "swept_to"))

        await wait_until(is_swept, "the old log was swept once")
        await log.append(Post(room, "me", "before"))
        brief = (await log.append(Post(room, "me", "brief", ttl=1_000))).id
        await project_all(log)
        whole = Repartition._switch

        def has_swept() -> bool:
            return bool(client.hget(Keys(1).meta, "swept_to") == str(brief).encode())

        async def later(work: Repartition) -> None:
            await wait_until(has_swept, "the copy is swept")
            await whole(work)

        monkeypatch.setattr(Repartition, "_switch", later)
        await to_two()
        assert has_swept()


async def test_no_index_of_a_room_that_has_moved_is_left(
    private_store: PrivateStore, log: Log, to_two: ToTwo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a projector goes on meanwhile, and makes one anew for what has not yet gone."""
    room = room_in(1, 2)
    with private_store.client() as client:
        begin_earlier(client)
        begin = now_ms(client) - 30_000
        fill(client, [f"{begin + at}-0" for at in range(2 * PAGE)], 0, room=room, text="hello")
        whole, pages = Moving._take_out, 0

        async def take_out(moving: Moving, *of: Any) -> None:
            nonlocal pages
            await whole(moving, *of)
            pages += 1
            if pages == 1:
                await project_all(log)

        monkeypatch.setattr(Moving, "_take_out", take_out)
        found = await to_two()
        assert pages > 1
        assert client.zcard(KEYS.room(room)) == 0
        assert client.zrange(KEYS.rooms, 0, -1) == []
        for each in found.all:
            await project_all(each)
        assert await verified(found) == []


async def test_what_comes_while_the_last_is_copied_is_not_left_to_the_fence(
    private_store: PrivateStore, store: Store, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posts wait for less than a page of each partition, however long it took to copy the others."""
    logs = await in_force(store, settings(partitions="2"))
    await talk(logs, 1)
    room = room_in(2, 4)
    whole, end, copied = Split.next, EntryId(0, 0), []

    async def next_page(split: Split, *until: Any) -> int:
        nonlocal end
        if split.log is logs.all[1] and not end.ms:
            for at in range(PAGE + 1):
                end = (await logs.of(room).append(Post(room, "me", str(at)))).id
        return await whole(split, *until)

    switch = Repartition._switch

    async def look(work: Repartition) -> None:
        copied.append(work._splits[0].position)
        await switch(work)

    monkeypatch.setattr(Split, "next", next_page)
    monkeypatch.setattr(Repartition, "_switch", look)
    assert await Repartition(logs, settings(), 4, asyncio.Event()).run()
    assert copied == [end]
    assert len(by_room(private_store, 4)[room]) == PAGE + 2


async def test_where_rooms_were_is_forgotten_after_a_window(
    private_store: PrivateStore, store: Store, logs: Logs, settings: Make
) -> None:
    """Also by a process that starts later: no post asks there for good."""
    await talk(logs, 1)
    found = await repartitioned(store, settings(), 2)
    assert found.all[1].ancestors
    with private_store.client() as client:
        client.hset(Keys(1).meta, "ancestors", f"0:{now_ms(client) - 1} 0:1000")
    assert not (await in_force(store, settings())).all[1].ancestors


async def test_a_post_that_waits_does_not_press(
    private_store: PrivateStore, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again and again, but a handful of times: the store has other work just then."""
    whole, tries = Log.append, 0

    async def append(log: Log, *of: Any) -> Any:
        nonlocal tries
        tries += 1
        return await whole(log, *of)

    async with serving(private_store.url, settings()) as messenger:
        with private_store.client() as client:
            client.hset(KEYS.meta, "fence", now_ms(client) + 60_000)
            monkeypatch.setattr(Log, "append", append)
            refused = await messenger.problem(
                "POST", f"/api/rooms/{ROOMS[0]}/messages", json={"text": "hello"}
            )
            assert (refused["status"], refused["code"]) == (503, "repartitioning")
            assert 3 < tries < 20
            client.hdel(KEYS.meta, "fence")
