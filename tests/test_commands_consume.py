"""`messenger consume`: any program is a consumer; what it handled is done, the rest comes again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands, Running
from tests.consuming import counted, pending, say
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.waiting import wait_until


def _consume(*words: str) -> tuple[str, ...]:
    return ("consume", "--group", "mailer", *words)


async def _json_line(running: Running) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await running.line())
    return found


async def test_events_are_printed_and_done_when_they_are_written(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Without a command each event is a line of JSON, history first and then live; what was printed is
    not printed again."""
    (first,) = await say(log, "one\ntwo")
    running = await commands.start(*_consume())
    line = await _json_line(running)
    created_at = EntryId.parse(first).ms
    assert line == {
        "type": "message.posted",
        "id": first,
        "room": "lobby",
        "author": "me",
        "text": "one\ntwo",
        "created_at": created_at,
        "expires_at": created_at + 900_000,
        "key": f"0/{first}",
        "attempt": 1,
    }
    erased = await log.erase("lobby", EntryId.parse(first), "author")
    expected = {
        "type": "message.erased",
        "id": str(erased),
        "room": "lobby",
        "erased": first,
        "by": "author",
        "key": f"0/{erased}",
        "attempt": 1,
    }
    assert await _json_line(running) == expected
    with private_store.client() as client:
        await wait_until(lambda: pending(client, "mailer") == 0, "both are done")
    assert await running.end() == 0
    await say(log, "next")
    again = await commands.run(*_consume("--limit", "1"))
    assert (again.code, json.loads(again.out)["text"]) == (0, "next")


async def test_a_limit_ends_it_and_leaves_the_rest(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """After so many events it ends; the next run goes on there, at once."""
    await say(log, *(f"{number}" for number in range(7)))
    heard = []
    for limit in ("3", "2", "2"):
        done = await commands.run(*_consume("--limit", limit))
        heard.append([json.loads(line)["text"] for line in done.out.splitlines()])
    assert heard == [["0", "1", "2"], ["3", "4"], ["5", "6"]]


async def test_a_room_and_a_start_can_be_chosen(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """A new group begins where it is told; one that is there goes on, and it is said."""
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 100_000}-0", "early")
        add_posted(client, f"{now - 30_000}-0", "late")
        add_posted(client, f"{now - 20_000}-0", "elsewhere", room="other")
    words = _consume("--once", "--since", "60s", "--room", "lobby")
    done = await commands.run(*words)
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["late"]
    assert done.err == ""
    again = await commands.run(*words)
    assert (again.code, again.out) == (0, "")
    assert "the group mailer goes on where it was" in again.one_line()


async def test_wrong_arguments_are_said_before_anything_is_done(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """A program that is not there, and options that make no sense, end with 2; a name or a moment that
    is not allowed with 1; no group is made."""
    two = {
        "consume": "--group",
        "consume --group g -- ./not-there": "no program './not-there'",
        "consume --group g --concurrency 2": "go with a COMMAND",
        "consume --group g --attempts 0 -- true": "attempts",
        "consume --group g --limit 0": "limit",
    }
    one = {
        "consume --group projector": "is not projector",
        "consume --group a/b": "a consumer group's name",
        "consume --group g --room a/b": "a room's name",
        "consume --group g --since yesterday": "a moment is",
        "consume --group g --since 2999-01-01T00:00:00Z": "in the future",
    }
    for code, asked in ((2, two), (1, one)):
        for words, said in asked.items():
            done = await commands.run(*words.split())
            assert (done.code, done.out) == (code, ""), words
            assert said in done.err
            assert "Traceback" not in done.err
    with private_store.client() as client:
        assert [each["name"] for each in client.xinfo_groups(KEYS.log)] == [b"projector"]


async def test_without_a_store_it_ends_with_three() -> None:
    """Where no store runs it says so in a line, as the others do."""
    async with Commands() as alone:
        done = await alone.run("consume", "--group", "g")
        assert done.code == 3
        assert "store" in done.one_line()


async def test_a_store_that_goes_away_is_waited_for(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The store dies and comes back: it is said on standard error, and every event is printed."""
    private = own_store(durability="always")
    async with Commands(MESSENGER_STORE_URL=private.url) as commands, Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, "before")
        running = await commands.start(*_consume())
        assert (await _json_line(running))["text"] == "before"
        private.kill()
        await wait_until(lambda: "the store is away" in running.errors(), "it says so")
        private.start()
        await say(logs, "after")
        texts = [(await _json_line(running))["text"]]
        if texts == ["before"]:  # its ack was lost with the store
            texts.append((await _json_line(running))["text"])
        assert texts[-1] == "after"
        assert await running.end(signal.SIGINT) == 130


async def test_a_reader_that_leaves_is_no_error(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """As in `messenger consume | head -1`: it ends quietly, and what was not read is not done."""
    await say(log, "first")
    running = await commands.start(*_consume())
    await running.line()
    running.close_output()
    await say(log, "second")
    assert await running.ended() == 0
    assert running.errors() == ""
    again = await commands.run(*_consume("--once"))
    assert "second" in again.out


async def test_a_reader_that_does_not_read_holds_up_neither_life_nor_end(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """While nobody reads the output the consumer lives on, nobody takes its events away, and a signal
    ends it; what was not written whole is not done."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        now = now_ms(client)
        for number in range(3):
            add_posted(client, f"{now}-{number}", f"{number}" * 2_000_000)
        running = await commands.start(*_consume())
        await wait_until(lambda: pending(client, "mailer") == 3, "it holds them")
        client.hdel(KEYS.group("mailer"), "oldest")
        await wait_until(lambda: client.hget(KEYS.group("mailer"), "oldest"), "it lives on")
        assert await running.end() == 0
        # At the end somebody has read the first of them.
        handled = counted(client, "mailer", "handled")
        assert handled <= 1
        again = await commands.run(*_consume("--once"))
        assert len(again.out.splitlines()) == 3 - handled


async def test_a_full_disk_is_said_and_nothing_is_lost(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Output that can't be written ends it with 1 and a line; the event comes again."""
    await say(log, "a")
    script = f"{sys.executable} -m messenger consume --group mailer > /dev/full"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", script),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MESSENGER_STORE_URL": private_store.url},
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode() == (
        "messenger: standard output can't be written: No space left on device\n"
    )
    again = await commands.run(*_consume("--once"))
    assert json.loads(again.out)["text"] == "a"


async def test_what_was_missed_is_said(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Events that expired before anybody handled them are told of on standard error."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        add_posted(client, f"{now_ms(client) - 5_000}-0", "over", ttl=4_000)
    done = await commands.run(*_consume("--once"))
    assert (done.code, done.out) == (0, "")
    assert done.one_line() == (
        "messenger: group mailer, partition 0: 1 entries expired before they were handled"
    )
