"""The short commands: what they print, what they refuse, and the code they end with."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import pytest

from messenger import __version__
from messenger.entries import EntryId
from messenger.log import Log, Post
from tests.commands import Commands, Done
from tests.private_store import PrivateStore
from tests.raw import KEYS, texts
from tests.serving import Messenger
from tests.waiting import wait_until

_COMMANDS = (
    *("up", "web", "worker", "post", "get", "list", "tail", "replay", "consume"),
    *("groups", "dead", "verify", "rebuild", "repartition", "doctor", "acl"),
)


@pytest.fixture
async def alone() -> AsyncIterator[Commands]:
    """Commands where no store is set and none runs."""
    async with Commands() as made:
        yield made


async def _all(commands: Commands, asked: Iterable[Sequence[str]], **more: str) -> list[Done]:
    """Runs commands side by side: each is a process, and most of its time is its start."""
    return await asyncio.gather(*(commands.run(*words, **more) for words in asked))


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_the_whole_explains_itself(alone: Commands) -> None:
    """The program's own help names every command; its version is the package's."""
    whole, version = await _all(alone, [["--help"], ["--version"]])
    assert (whole.code, version.code) == (0, 0)
    assert set(_COMMANDS) <= set(whole.out.split())
    assert version.out == f"messenger, version {__version__}\n"


async def test_a_post_is_found_by_get_and_list(messenger: Messenger, commands: Commands) -> None:
    """What was posted is there for the other commands and for browsers, as it was said."""
    done = await commands.run("post", "lobby", "hello there", "--author", "ann")
    assert done.code == 0, done.err
    entry_id = done.out.removesuffix("\n")
    EntryId.parse(entry_id)
    got = await commands.run("get", "lobby", entry_id)
    assert (got.code, got.out[9:]) == (0, f"{entry_id} lobby ann: hello there\n")

    async def is_listed() -> bool:
        return (await commands.run("list", "lobby")).out == got.out

    await wait_until(is_listed, "the message is listed")
    rooms = await commands.run("list")
    assert rooms.out.startswith("lobby (empty in ")
    assert await messenger.texts() == ["hello there"]


async def test_json_is_the_same_message_everywhere(
    messenger: Messenger, commands: Commands
) -> None:
    """With --json each command prints a line of JSON for each thing, and all tell the same."""
    posted = await commands.run("post", "lobby", "grüße 🥊\nzeile zwei", "--json", "--ttl", "10m")
    (message,) = _lines(posted.out)
    assert message["text"] == "grüße 🥊\nzeile zwei"
    assert message["expires_at"] - message["created_at"] == 600_000

    async def listed() -> str:
        return (await commands.run("list", "lobby", "--json")).out

    assert await wait_until(listed, "the message is listed") == posted.out
    assert (await commands.run("get", "lobby", message["id"], "--json")).out == posted.out
    (room,) = _lines((await commands.run("list", "--json")).out)
    assert room == {"room": "lobby", "expires_at": message["expires_at"]}


async def test_list_gives_the_newest_in_chat_order(
    messenger: Messenger, commands: Commands
) -> None:
    """A limit keeps the newest, and the oldest of them stands first."""
    for number in range(4):
        await messenger.post(f"{number}")

    async def is_listed() -> bool:
        found = _lines((await commands.run("list", "lobby", "--limit", "2", "--json")).out)
        return [message["text"] for message in found] == ["2", "3"]

    await wait_until(is_listed, "the newest two are listed")


async def test_a_foreign_room_does_not_steer_the_terminal(
    private_store: PrivateStore, messenger: Messenger, commands: Commands
) -> None:
    """A room that another program named is listed without its control characters."""
    fields = {"type": "message.posted", "author": "raw", "text": "hi", "ttl": "900000"}
    with private_store.client() as client:
        client.xadd(KEYS.log, {**fields, "room": "a\x1b]0;owned\x07\nb"})

    async def listed() -> str:
        return (await commands.run("list")).out

    (line,) = (await wait_until(listed, "the room is listed")).splitlines()
    assert "owned" in line
    assert line.isprintable()


@pytest.mark.parametrize("words", [["-"], []])
async def test_standard_input_is_posted(
    private_store: PrivateStore, log: Log, commands: Commands, words: list[str]
) -> None:
    """Without a text, or with a dash, standard input is posted, without its last line's end."""
    done = await commands.run("post", "lobby", *words, given="zwei\nZeilen 🥊\n".encode())
    assert done.code == 0, done.err
    with private_store.client() as client:
        assert texts(client) == ["zwei\nZeilen 🥊"]


async def test_the_same_key_posts_once(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """A command that is run again with its key prints the same id; another text is refused."""
    first = await commands.run("post", "lobby", "once", "--key", "k")
    again = await commands.run("post", "lobby", "once", "--key", "k")
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out
    other = await commands.run("post", "lobby", "other", "--key", "k")
    assert other.code == 1
    assert "Idempotency-Key" in other.one_line()
    with private_store.client() as client:
        assert texts(client) == ["once"]


async def test_what_the_store_refuses_is_said_in_a_line(log: Log, commands: Commands) -> None:
    """What is not there, or not allowed on this store, ends with 1 and one line too."""
    elsewhere = await log.append(Post("elsewhere", "me", "there"))
    refused = {
        f"get lobby {elsewhere.id}": "no message",
        "get lobby 1-1": "no message",
        "post lobby text --ttl 16m": "15m",
        "post lobby text --ttl 999ms": "15m",
        "tail lobby --since yesterday": "--since: a moment is",
    }
    found = await _all(commands, map(str.split, refused))
    for (words, said), done in zip(refused.items(), found, strict=True):
        assert (done.code, done.out) == (1, ""), words
        assert said in done.one_line(), words


async def test_input_that_is_no_text_is_refused(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Bytes that are not UTF-8 on standard input are refused like any wrong text."""
    # As in every locale of UTF-8 but C and POSIX.
    done = await commands.run("post", "lobby", given=b"\xff\xfe", PYTHONIOENCODING="utf-8:strict")
    assert (done.code, done.out) == (1, "")
    assert done.one_line()
    with private_store.client() as client:
        assert texts(client) == []


async def test_a_wrong_setting_shows_no_traceback(alone: Commands) -> None:
    """Also in a process of its own it is one line, for an option as for a variable."""
    done = await alone.run("up", "--window", "15")
    assert (done.code, done.out) == (2, "")
    assert done.one_line().startswith("messenger: MESSENGER_WINDOW is '15'; allowed: ")


async def test_without_a_store_there_is_one_line(alone: Commands) -> None:
    """Where no store runs every command ends with 3, and one line says so."""
    asked = ["post lobby text", "get lobby 1-1", "list", "tail", "doctor", "web", "worker"]
    asked += [f"{words} --store-url unix:///nowhere/socket" for words in ("list", "web")]
    for done in await _all(alone, map(str.split, asked)):
        assert (done.code, done.out) == (3, "")
        assert "store" in done.one_line()


async def test_a_store_that_nobody_used_is_said(commands: Commands) -> None:
    """A command does not set up a store that no messenger has used."""
    done = await commands.run("post", "lobby", "text")
    assert done.code == 3
    assert "messenger up" in done.one_line()


async def test_doctor_says_what_each_setting_gives(log: Log, commands: Commands) -> None:
    """On a fit store doctor ends with 0, for people and for programs with the same facts."""
    found = _lines((await commands.run("doctor", "--json")).out)
    facts = {each["subject"]: each for each in found}
    assert facts["appendfsync"]["value"] == "everysec"
    assert facts["maxmemory-policy"]["verdict"] == "good"
    assert facts["maxmemory"]["verdict"] == "weak"
    done = await commands.run("doctor")
    assert done.code == 0
    for each in found:
        assert f"{each['subject']}: {each['value']}\n      {each['meaning']}\n" in done.out
    assert "\x1b" not in done.out, "no colours where nobody looks"


async def test_doctor_refuses_an_evicting_store(
    own_store: Callable[..., PrivateStore], alone: Commands
) -> None:
    """A store that would evict the log is refused: 2, with the reason; `web` does not start on it."""
    private = own_store()
    with private.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    done = await alone.run("doctor", "--store-url", private.url)
    assert done.code == 2
    assert "evicted" in done.out
    web = await alone.run("web", "--port", "0", "--store-url", private.url)
    assert (web.code, web.out) == (2, "")
    assert "maxmemory-policy is allkeys-lru" in web.err.splitlines()[-1]
