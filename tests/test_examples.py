"""The examples of docs/examples do what their first lines say, through whatever breaks."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands, Done, Running
from tests.consuming import pending, say
from tests.hearing import Heard
from tests.jq import need_jq
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.sources import ROOT
from tests.waiting import wait_until

_EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
async def commands(private_store: PrivateStore) -> AsyncIterator[Commands]:
    """Commands on the test's store, with `messenger` on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    async with Commands(MESSENGER_STORE_URL=private_store.url, PATH=path) as made:
        yield made


def _counted(database: Path) -> dict[str, int]:
    if not database.exists():
        return {}
    with sqlite3.connect(database) as opened:
        try:
            return dict(opened.execute("SELECT name, posts FROM rooms"))
        except sqlite3.OperationalError:  # its tables are not there yet
            return {}


async def test_our_package_counts_each_message_once(
    private_store: PrivateStore, log: Log, commands: Commands, tmp_path: Path
) -> None:
    """Killed and started again, and given everything a second time, it counts each message once."""
    database = tmp_path / "counts"
    program = (str(_EXAMPLES / "ours.py"), private_store.url, str(database))
    await say(log, *(f"{number}" for number in range(100)))
    running = await commands.start_python(*program)
    await running.line()
    await running.end(signal.SIGKILL)
    await say(log, "more", room="other")
    with private_store.client() as client:
        # What was acked comes again too.
        client.xgroup_setid(KEYS.log, "counter", "0-0")
    running = await commands.start_python(*program)
    expected = {"lobby": 100, "other": 1}
    await wait_until(lambda: _counted(database) == expected, "all are counted", seconds=20)
    with private_store.client() as client:
        await wait_until(lambda: pending(client, "counter") == 0, "all are acked", seconds=20)
    assert _counted(database) == expected
    assert await running.end() == 0


def _texts(heard: Heard) -> list[str]:
    return [line.split(": ", 1)[1] for line in heard.lines]


async def _plain(commands: Commands, private_store: PrivateStore, name: str = "one") -> Running:
    program = str(_EXAMPLES / "plain_redis.py")
    return await commands.start_python(program, private_store.url, "mailer", name)


async def test_plain_redis_goes_on_after_a_kill(
    store: Store,
    private_store: PrivateStore,
    settings: Callable[..., Settings],
    commands: Commands,
) -> None:
    """Every message of every partition is handled at least once, those of a killed reader by another;
    what expired is not handled, and what is malformed stops nobody."""
    logs = Logs(store, settings(partitions="2"))
    await logs.settle()
    texts = [f"{number}" for number in range(40)]
    for number, text in enumerate(texts):
        await say(logs, text, room=f"room-{number % 7}")
    with private_store.client() as client:
        client.xadd(KEYS.log, {"type": "message.posted", "room": b"\xff"})
        client.xadd(KEYS.log, {"type": "to.come"})
        add_posted(client, f"{now_ms(client) + 1}-0", "brief", ttl=1)
        # A reader that died.
        client.xgroup_create(KEYS.log, "mailer", "0")
        client.xreadgroup("mailer", "dead", {KEYS.log: ">"}, count=5)
        running = await _plain(commands, private_store)
        heard = Heard(running)
        await wait_until(lambda: set(_texts(heard)) == set(texts), "all are handled", seconds=20)
        await wait_until(lambda: pending(client, "mailer") == 0, "all are acked")
        assert await heard.end() == 0


@pytest.mark.parametrize("how", ["deleted", "destroyed", "restarted"])
async def test_plain_redis_heals(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings], how: str
) -> None:
    """The log is deleted, the group destroyed, the store killed and started again: it goes on."""
    private = own_store(durability="always")
    async with Commands() as commands, Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, "before")
        running = await _plain(commands, private)
        heard = Heard(running)
        await wait_until(lambda: "before" in _texts(heard), "it works")
        if how == "restarted":
            private.kill()
            private.start()
        else:
            with private.client() as client:
                if how == "deleted":
                    client.delete(KEYS.log)
                else:
                    client.xgroup_destroy(KEYS.log, "mailer")
        await say(logs, "after")
        await wait_until(lambda: "after" in _texts(heard), "it goes on", seconds=20)
        assert await heard.end() == 0
        assert ("the log began anew" in running.errors()) == (how == "deleted")


async def test_plain_redis_tells_what_expired_unread(
    private_store: PrivateStore, logs: Logs, log: Log, commands: Commands
) -> None:
    """Swept past its position: how many entries that were is said."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        for number in range(3):
            add_posted(client, f"{now_ms(client) - 1_000_000}-{number}", "late")
        await Sweeper(logs).step()
    running = await _plain(commands, private_store)
    await wait_until(
        lambda: "partition 0: 3 entries have expired unread" in running.errors(), "it says so"
    )


async def _shell(commands: Commands, *words: str, given: bytes = b"") -> Done:
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=commands._environment,
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate(given)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def test_the_pipe_prints_what_is_said(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Each message is a line, whatever is in it; started again it prints only what is new."""
    need_jq()
    await say(log, "hello", 'two\n"lines"')
    pipe = str(_EXAMPLES / "pipe.sh")
    done = await _shell(commands, pipe, "screen", "--once")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ['lobby me: "hello"', r'lobby me: "two\n\"lines\""']
    await say(log, "new")
    done = await _shell(commands, pipe, "screen", "--limit", "1")
    assert done.out.splitlines() == ['lobby me: "new"']


async def test_the_archive_keeps_what_lives(
    private_store: PrivateStore, log: Log, commands: Commands, tmp_path: Path
) -> None:
    """A file for each message, whole, the same after a second time; none for what was erased or has
    expired."""
    need_jq()
    ids = await say(log, "a", "b 🥊", "erased")
    archive = str(_EXAMPLES / "archive.sh")
    words = ("consume", "--group", "archive", "--once", "--", archive, str(tmp_path))
    done = await commands.run(*words)
    assert (done.code, done.err) == (0, "")
    await log.erase("lobby", EntryId.parse(ids[2]), "author")
    old = tmp_path / "0-1-1.json"
    old.write_text('{"expires_at": 1}')
    with private_store.client() as client:
        client.xgroup_setid(KEYS.log, "archive", "0-0")
    done = await commands.run(*words)
    assert (done.code, done.err) == (0, "")
    kept = {name: json.loads((tmp_path / name).read_text()) for name in os.listdir(tmp_path)}
    assert sorted(kept) == [f"0-{entry_id}.json" for entry_id in ids[:2]]
    assert [kept[f"0-{entry_id}.json"]["text"] for entry_id in ids[:2]] == ["a", "b 🥊"]


def test_every_example_is_explained() -> None:
    """docs/consumers.md speaks of each example, and of no other."""
    text = (ROOT / "docs" / "consumers.md").read_text()
    told = set(re.findall(r"\(examples/(.*?)\)", text))
    programs = (path for path in _EXAMPLES.rglob("*") if path.suffix in {".py", ".sh", ".js"})
    assert told == {str(path.relative_to(_EXAMPLES)) for path in programs}


def test_the_packages_of_node_have_no_address() -> None:
    """The lock holds on any mirror, and says by its hash what each package is."""
    lock = json.loads((_EXAMPLES / "node" / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert {"redis"} <= lock["packages"][""]["dependencies"].keys()
    for package in packages:
        assert "resolved" not in package
        assert package["integrity"].startswith("sha512-")
