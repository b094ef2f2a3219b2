"""`messenger verify`: finds each kind of damage, and nothing where there is none, while all goes on."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.commands import Commands
from tests.damages import planted, verified
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS, now_ms
from tests.waiting import wait_until


async def test_a_view_as_it_should_be_has_no_difference(
    private_store: PrivateStore, logs: Logs
) -> None:
    """Living, erased and expired messages, of two rooms: the view is the log."""
    with private_store.client() as client:
        await planted(client, logs)
    assert await verified(logs) == []


async def test_an_entry_that_waits_to_be_applied_is_no_difference(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Neither one that was not delivered yet, nor one that a projector holds."""
    with private_store.client() as client:
        await planted(client, logs)
        for number in range(3):
            await log.append(Post("lobby", "me", f"{number}"))
        client.xreadgroup(PROJECTOR, "slow", {KEYS.log: ">"}, count=1)
    assert await verified(logs) == []


async def test_what_has_expired_is_no_difference(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Before it is swept and after it, with its row, its place in the index and its count."""
    with private_store.client() as client:
        await log.append(Post("lobby", "me", "short", ttl=1_000))
        await planted(client, logs)
        row = client.keys("*:message:*")
        assert row

        async def is_over() -> bool:
            assert await verified(logs) == []
            return len(client.keys("*:message:*")) < len(row)

        await wait_until(is_over, "the first has expired")
        await Sweeper(logs).step()
        assert await verified(logs) == []
        assert int(client.hget(KEYS.meta, "swept")) == 1


async def test_a_tombstone_ends_with_the_window(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """An erasure outlives what it says of the message: that is missing nobody then."""
    with private_store.client() as client:
        entry_id = f"{now_ms(client) - 900_000 + 400}-0"
        fill(client, [entry_id], ttl="900000")
        await project_all(log)
        await log.erase("lobby", EntryId.parse(entry_id), "operator")
        await project_all(log)
        await wait_until(lambda: not client.keys("*:message:*"), "the tombstone has ended")
        assert await verified(logs) == []


async def test_a_window_that_grew_is_no_difference(
    private_store: PrivateStore, store: Store, settings: Callable[..., Settings]
) -> None:
    """What was over by the shorter window is not missed by the longer one, neither in the counts nor in
    an index that still names it."""
    short = Logs(store, settings(window="1s"))
    await short.settle()
    log = short.all[0]
    with private_store.client() as client:
        begin_earlier(client)
        fill(client, [f"{now_ms(client) - 800}-0"], ttl="1000")
        await log.append(Post("lobby", "me", "keeps the index"))
        await project_all(log)
        sweeper = Sweeper(short)

        async def is_over() -> bool:
            return bool((await sweeper.step()).removed)

        await wait_until(is_over, "the first has expired")
        logs = Logs(store, settings(window="1h"))
        await logs.settle()
        await logs.all[0].append(Post("lobby", "me", "after"))
        await project_all(logs.all[0])
        assert client.zcard(KEYS.room("lobby")) == 3
        assert await verified(logs) == []


async def test_entries_of_other_programs_are_no_difference(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Unknown types, broken entries, an erasure written past the messenger, an id of the far future."""
    with private_store.client() as client:
        there = await planted(client, logs)
        client.xadd(KEYS.log, {"type": "room.renamed", "room": "lobby"})
        client.xadd(KEYS.log, {"type": "message.posted", "room": "lobby"})
        client.xadd(
            KEYS.log,
            {
                "type": "message.erased",
                "room": "lobby",
                "message": str(there.living[0]),
                "by": "author",
            },
        )
        fill(client, [f"{2**62}-0"])
        await project_all(log)
        # It was never counted: that is the one thing that the log says and the view does not.
        (found,) = await verified(logs)
        assert (found.kind, found.detail) == ("wrong-count", "1 erased; the log has 2")


async def test_partitions_are_told_apart(
    private_store: PrivateStore, store: Store, settings: Callable[..., Settings]
) -> None:
    """A difference names its partition; the others have none."""
    logs = Logs(store, settings(partitions="3"))
    await logs.settle()
    rooms = [next(f"r{n}" for n in range(50) if logs.of(f"r{n}") is log) for log in logs.all]
    for room in rooms:
        await logs.of(room).append(Post(room, "me", "hello"))
        await project_all(logs.of(room))
    assert await verified(logs) == []
    with private_store.client() as client:
        (row,) = client.keys("messenger:{1}:message:*")
        client.delete(row)
    (found,) = await verified(logs)
    assert (found.kind, found.partition, found.room) == ("missing-row", 1, rooms[1])


@pytest.mark.parametrize("brief", [None, 1_000], ids=["long lives", "short lives"])
async def test_there_is_no_false_alarm_while_everything_goes_on(
    private_store: PrivateStore,
    logs: Logs,
    run_messenger: Callable[..., Any],
    brief: int | None,
) -> None:
    """Posts, erasures at once and later, projector and sweeper, all at once: no look finds a
    difference, neither in the rows nor, where no short lives blur them, in the exact counts."""
    with private_store.client() as client:
        begin_earlier(client)
        fill(client, ids_of_late(client, 2_000), room="room", ttl="900000")
    messenger = await run_messenger()
    log, ended = messenger.logs.all[0], asyncio.Event()
    posted: list[EntryId] = []

    async def post() -> None:
        for round_ in itertools.count():
            if ended.is_set():
                return
            for number in range(8):
                post = Post("room", "me", f"{number}", ttl=brief if number % 4 == 0 else None)
                posted.append((await log.append(post)).id)
            await log.erase("room", posted[-1], "author")
            if round_ % 2:
                await log.erase("room", posted[round_ // 2 * 8 + 1], "author")

    async with asyncio.TaskGroup() as group:
        group.create_task(post())
        while len(posted) < 1_000:
            assert await verified(messenger.logs) == []
        ended.set()


@pytest.fixture
async def commands(private_store: PrivateStore, logs: Logs) -> AsyncIterator[Commands]:
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


async def test_the_command_says_what_it_finds_and_ends_with_one(
    private_store: PrivateStore, logs: Logs, commands: Commands
) -> None:
    """Equal ends with 0, different with 1; for people a line each, for programs JSON."""
    with private_store.client() as client:
        there = await planted(client, logs)
        equal = await commands.run("verify")
        assert (equal.code, equal.out, equal.err) == (0, "8 entries: the view is the log\n", "")
        client.delete(there.row(2))
        client.zadd(KEYS.room("a\x1b[31m\nb"), {"x": 0})
        client.pexpire(KEYS.room("a\x1b[31m\nb"), 60_000)
    people, programs = await asyncio.gather(
        commands.run("verify"), commands.run("verify", "--json")
    )
    assert people.code == programs.code == 1
    *lines, last = people.out.splitlines()
    assert last == "8 entries, 2 differences: `messenger rebuild` makes the view anew"
    assert lines[0] == f"missing-row: message {there.living[2]}, room lobby: is not there"
    assert lines[1].startswith("extra-index: room a")
    assert all(line.isprintable() for line in lines)
    *found, total = [json.loads(line) for line in programs.out.splitlines()]
    assert total == {"entries": 8, "differences": 2}
    assert found[0] == {
        "kind": "missing-row",
        "partition": 0,
        "detail": "is not there",
        "message": str(there.living[2]),
        "room": "lobby",
    }


async def test_one_wrong_row_among_thousands_is_found(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """Page after page is compared: one wrong row among very many is found."""
    with private_store.client() as client:
        ids = list(ids_of_late(client, 5_000))
        fill(client, ids)
        await project_all(log)
        client.delete(KEYS.message(ids[3_333]))
    found = await verified(logs)
    assert [(each.kind, each.message) for each in found] == [("missing-row", ids[3_333])]
