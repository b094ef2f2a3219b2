"""The short commands: what they print, what they refuse, and the code they end with."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from messenger import __version__
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms, texts
from tests.serving import Messenger
from tests.waiting import wait_until

_COMMANDS = ("up", "web", "worker", "post", "get", "list", "tail", "doctor")


@pytest.fixture
async def commands(private_store: PrivateStore) -> AsyncIterator[Commands]:
    """Commands on the test's store."""
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


@pytest.fixture
async def alone() -> AsyncIterator[Commands]:
    """Commands where no store is set and none runs."""
    async with Commands() as made:
        yield made


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("name", ["", *_COMMANDS])
async def test_each_command_explains_itself(alone: Commands, name: str) -> None:
    """Each command has a help, without a store, and it names the settings by their variables."""
    done = await alone.run(*([name] if name else []), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: messenger {name}")
    if name:
        assert "(MESSENGER_STORE_URL;" in done.out
    else:
        assert set(_COMMANDS) <= set(done.out.split())


async def test_the_version_is_told(alone: Commands) -> None:
    """The version is the package's."""
    assert (await alone.run("--version")).out == f"messenger, version {__version__}\n"


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["post", "a room", "text"], "a room's name"),
        (["post", "", "text"], "a room's name"),
        (["post", "lobby", ""], "empty"),
        (["post", "lobby", "x" * 2_001], "2000 are allowed"),
        (["post", "lobby", "bell\x07"], "U+0007"),
        (["post", "lobby", os.fsdecode(b"\xff")], "U+DCFF"),
        (["post", "lobby", "text", "--author", "two\nlines"], "U+000A"),
        (["post", "lobby", "text", "--ttl", "soon"], "15m"),
        (["post", "lobby", "text", "--ttl", "999ms"], "15m"),
        (["post", "lobby", "text", "--ttl", "16m"], "15m"),
        (["get", "lobby", "yesterday"], "an id is"),
        (["get", "lobby", "1-1"], "no message"),
        (["list", "a/b"], "a room's name"),
        (["tail", "lobby", "--since", "yesterday"], "--since: a moment is"),
    ],
)
async def test_what_is_refused_is_said_in_a_line(
    log: Log, commands: Commands, words: list[str], said: str
) -> None:
    """What breaks a rule, or is not there, ends with 1 and one line that says what is allowed."""
    done = await commands.run(*words)
    assert (done.code, done.out) == (1, "")
    assert said in done.one_line()


async def test_input_that_is_no_text_is_refused(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Bytes that are not UTF-8 on standard input are refused like any wrong text."""
    done = await commands.run("post", "lobby", given=b"\xff\xfe", PYTHONUTF8="1")
    assert (done.code, done.out) == (1, "")
    assert done.one_line()
    with private_store.client() as client:
        assert texts(client) == []


async def test_another_rooms_message_is_not_found(log: Log, commands: Commands) -> None:
    """An id counts only with its room."""
    posted = await log.append(Post("lobby", "me", "here"))
    assert (await commands.run("get", "elsewhere", str(posted.id))).code == 1


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["post"], ["list", "--limit", "0"], ["get", "lobby"], ["tail", "--nonsense"]],
)
async def test_wrong_arguments_end_with_two(alone: Commands, words: list[str]) -> None:
    """A command that was typed wrongly ends with 2 and says how it is used."""
    done = await alone.run(*words)
    assert (done.code, done.out) == (2, "")
    assert "Usage: messenger" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["up", "web", "worker", "post", "doctor"])
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MESSENGER_WINDOW", "15", "15m"),
        ("MESSENGER_WINDWO", "15m", "did you mean MESSENGER_WINDOW?"),
        ("MESSENGER_ADMIN_TOKEN", "short-secret", "(not shown)"),
    ],
)
async def test_wrong_settings_end_the_start(
    alone: Commands, command: str, variable: str, value: str, said: str
) -> None:
    """A wrong or unknown variable ends every command with 2 and a line with its name and what is
    allowed; a token is never shown."""
    words = [command, "lobby", "text"] if command == "post" else [command]
    done = await alone.run(*words, **{variable: value})
    assert (done.code, done.out) == (2, "")
    assert done.one_line().startswith(f"messenger: {variable} is ")
    assert said in done.err
    assert "short-secret" not in done.err


@pytest.mark.parametrize(
    "words",
    [["post", "lobby", "text"], ["get", "lobby", "1-1"], ["list"], ["tail"], ["doctor"], ["web"]],
)
@pytest.mark.parametrize("url", ["", "unix:///nowhere/socket"])
async def test_without_a_store_there_is_one_line(
    alone: Commands, words: list[str], url: str
) -> None:
    """Where no store runs a command ends with 3, and one line says so."""
    done = await alone.run(*words, MESSENGER_STORE_URL=url)
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


@pytest.mark.parametrize("json_too", [[], ["--json"]])
async def test_doctor_refuses_an_evicting_store(
    own_store: Callable[..., PrivateStore], alone: Commands, json_too: list[str]
) -> None:
    """A store that would evict the log is refused: 2, with the reason; `web` does not start on it."""
    private = own_store()
    with private.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    done = await alone.run("doctor", "--store-url", private.url, *json_too)
    assert done.code == 2
    assert "evicted" in done.out
    web = await alone.run("web", "--port", "0", "--store-url", private.url)
    assert (web.code, web.out) == (2, "")
    assert "maxmemory-policy is allkeys-lru" in web.err.splitlines()[-1]


async def test_tail_prints_history_then_live_and_ends_quietly(log: Log, commands: Commands) -> None:
    """What was said before is printed first, then each message as it comes; Ctrl-C is a good end."""
    await log.append(Post("lobby", "me", "before"))
    await log.append(Post("other", "me", "elsewhere"))
    tail = await commands.start("tail", "lobby", "--since", "window")
    assert (await tail.line()).endswith(" lobby me: before")
    for number in range(3):
        await log.append(Post("other", "me", "elsewhere"))
        await log.append(Post("lobby", "me", f"live {number}"))
        assert (await tail.line()).endswith(f" lobby me: live {number}")
    assert await tail.end(signal.SIGINT) == 0
    assert tail.errors() == ""
