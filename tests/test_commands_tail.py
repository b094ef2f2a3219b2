"""`messenger tail`: history, then live, from every room, whatever was written and whatever dies."""

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from messenger.connection import Store
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.commands import Commands, Running
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.waiting import wait_until

# What steers a terminal: escape, bell, carriage return, delete, and the C1 controls.
_CONTROLS = "\x1b]0;owned\x07\r\x7f\x9b31m"


async def _json_line(tail: Running) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await tail.line())
    return found


async def _say(log: Log, text: str, room: str = "lobby") -> str:
    return str((await log.append(Post(room, "me", text))).id)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_history_comes_first_then_live_and_the_end_is_quiet(
    log: Log, commands: Commands, number: signal.Signals
) -> None:
    """What was said before is printed first, then each message as it comes; Ctrl-C is a good end."""
    await _say(log, "before")
    await _say(log, "elsewhere", "other")
    tail = await commands.start("tail", "lobby", "--since", "window")
    assert (await tail.line()).endswith(" lobby me: before")
    for step in range(3):
        await _say(log, "elsewhere", "other")
        await _say(log, f"live {step}")
        assert (await tail.line()).endswith(f" lobby me: live {step}")
    assert await tail.end(number) == 0
    assert tail.errors() == ""


async def test_all_rooms_of_all_partitions_are_followed(
    store: Store, settings: Callable[..., Settings], commands: Commands
) -> None:
    """Without a room every room is followed, in whichever partition it is."""
    logs = Logs(store, settings(partitions="4"))
    await logs.settle()
    rooms = [f"room-{number}" for number in range(12)]
    assert {logs.of(room) for room in rooms} == set(logs.all)
    for room in rooms:
        await _say(logs.of(room), "before", room)
    tail = await commands.start("tail", "--since", "window", "--json")
    for _ in range(2):
        found = [await _json_line(tail) for _ in rooms]
        assert sorted(message["room"] for message in found) == sorted(rooms)
        for room in rooms:
            await _say(logs.of(room), "live", room)


@pytest.mark.parametrize("since", ["id", "duration", "time"])
async def test_since_is_where_it_begins(
    private_store: PrivateStore, log: Log, commands: Commands, since: str
) -> None:
    """It begins after the id, the duration or the time given, and no message earlier."""
    with private_store.client() as client:
        now_s = now_ms(client) // 1_000
        early = add_posted(client, f"{(now_s - 100) * 1_000}-0", "early")
        add_posted(client, f"{(now_s - 30) * 1_000}-0", "late")
    begin = {"id": early, "duration": "60s", "time": str(now_s - 30)}[since]
    tail = await commands.start("tail", "lobby", "--json", "--since", begin)
    assert (await _json_line(tail))["text"] == "late"


async def test_without_since_only_what_comes_is_printed(log: Log, commands: Commands) -> None:
    """By itself it prints no history."""
    await _say(log, "before")
    tail = await commands.start("tail", "lobby", "--json")
    said = 0

    async def is_heard() -> bool:
        nonlocal said
        await _say(log, f"{(said := said + 1)}")
        return tail.has_output()

    await wait_until(is_heard, "it follows")
    assert (await _json_line(tail))["text"] != "before"


async def test_what_has_expired_is_not_printed(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """A message whose time is over is not shown, also while the store still has it."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 5_000}-0", "over", ttl=4_000)
        add_posted(client, f"{now_ms(client) - 4_000}-0", "living")
    tail = await commands.start("tail", "--json", "--since", "window")
    assert (await _json_line(tail))["text"] == "living"


async def test_an_erased_message_is_told_to_programs(log: Log, commands: Commands) -> None:
    """A program that follows learns which message was erased, and people are shown no text."""
    posted = await log.append(Post("lobby", "me", "oops"))
    erased = await log.erase("lobby", posted.id, "author")
    await _say(log, "after")
    tail = await commands.start("tail", "lobby", "--json", "--since", "window")
    expected = {
        "type": "message.erased",
        "id": str(erased),
        "room": "lobby",
        "erased": str(posted.id),
        "by": "author",
    }
    assert await _json_line(tail) == expected
    people = await commands.start("tail", "lobby", "--since", "window")
    assert (await people.line()).endswith("me: after")


@pytest.mark.parametrize("field", ["room", "author", "text"])
async def test_a_foreign_entry_does_not_steer_the_terminal(
    private_store: PrivateStore, log: Log, commands: Commands, field: str
) -> None:
    """Whatever another program wrote into the log, no control character of it is printed."""
    fields = {"type": "message.posted", "room": "lobby", "author": "raw", "text": "hi"}
    with private_store.client() as client:
        client.xadd(KEYS.log, {**fields, field: f"a{_CONTROLS}b", "ttl": "900000"})
    tail = await commands.start("tail", "--since", "window")
    line = await tail.line()
    assert not set(_CONTROLS[0] + "\x07\r\x7f\x9b") & set(line), repr(line)
    assert "]0;owned" in line


@pytest.mark.parametrize("field", ["room", "author", "text"])
async def test_a_line_break_does_not_forge_a_message(
    private_store: PrivateStore, log: Log, commands: Commands, field: str
) -> None:
    """A line break in a room, a name or a text begins no line that looks like another message."""
    fields = {"type": "message.posted", "room": "lobby", "author": "raw", "text": "hi"}
    with private_store.client() as client:
        forged = "a\n12:00:00 1764000000000-0 lobby bob: forged"
        client.xadd(KEYS.log, {**fields, field: forged, "ttl": "900000"})
    await _say(log, "last")
    tail = await commands.start("tail", "--since", "window")
    lines = [await tail.line()]
    while not lines[-1].endswith("me: last"):
        lines.append(await tail.line())
    assert len([line for line in lines if re.match(r"\d\d:\d\d:\d\d", line)]) == 2


async def test_malformed_entries_are_passed_over(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Entries that break the contract, or are of a type to come, stop nobody."""
    with private_store.client() as client:
        client.xadd(KEYS.log, {"type": "message.posted", "room": "lobby"})
        client.xadd(KEYS.log, {"type": "room.renamed", "room": "lobby"})
        client.xadd(KEYS.log, {b"\xff": b"\xfe"})
        client.xadd(KEYS.log, {"type": "message.posted", "room": b"\xff", "ttl": "9" * 5_000})
    await _say(log, "sound")
    tail = await commands.start("tail", "--json", "--since", "window")
    assert (await _json_line(tail))["text"] == "sound"


async def test_a_store_that_comes_back_is_followed_on(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The store is killed and started again: it goes on where it was, without a hole or a double."""
    private = own_store(durability="always")
    async with Commands(MESSENGER_STORE_URL=private.url) as commands, Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await _say(logs.all[0], "before")
        tail = await commands.start("tail", "--json", "--since", "window")
        assert (await _json_line(tail))["text"] == "before"
        private.kill()
        private.start()
        for text in ("after", "more"):
            await _say(logs.all[0], text)
            assert (await _json_line(tail))["text"] == text
        assert await tail.end(signal.SIGINT) == 0


async def test_a_reader_that_leaves_is_no_error(log: Log, commands: Commands) -> None:
    """As in `messenger tail | head -1`: when nobody reads any more it ends quietly."""
    await _say(log, "first")
    tail = await commands.start("tail", "--since", "window")
    await tail.line()
    tail.close_output()

    async def has_ended() -> bool:
        await _say(log, "more")
        return not tail.is_alive

    await wait_until(has_ended, "it has ended")
    assert await tail.ended() == 0
    assert tail.errors() == ""
