"""Promise 1: gone means gone. A random secret that was posted is found nowhere after its time."""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from messenger import rewriter
from messenger.cli import up
from messenger.connection import Store
from messenger.log import Logs, Post
from messenger.rewriter import Rewriter
from messenger.settings import Settings
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import add_posted, now_ms, texts
from tests.searched import Searched, files_with, searched
from tests.waiting import wait_until

_LIFE_MS = 3_000


@pytest.fixture
def secret() -> str:
    return secrets.token_hex(16)


async def _found_nowhere(messenger: Searched, secret: str) -> None:
    """Once the log is empty: no key has it, no object that lives, no file in the time that is promised,
    no word that was said."""
    await wait_until(lambda: messenger.entries() == 0, "all is over")
    assert messenger.in_store(secret) == []

    async def is_forgotten() -> bool:
        return await messenger.in_memory(secret) == []

    with contextlib.suppress(AssertionError):
        await wait_until(is_forgotten, "the process has let go of it", seconds=2)
    assert await messenger.in_memory(secret) == []
    await wait_until(lambda: not messenger.in_files(secret), "it is off the disk")
    assert secret not in messenger.running.errors()


async def _found_everywhere(messenger: Searched, secret: str) -> None:
    """While it lives, so that the search is one."""
    assert messenger.in_store(secret)
    assert await messenger.in_memory(secret)
    assert messenger.in_files(secret)


async def test_a_short_life_is_found_nowhere_after_its_time(
    own_commands: Commands, secret: str
) -> None:
    """A text and an author's name, posted by every way and told by every way: after their time nothing
    has them, though all connections over which they came and went are still open."""
    async with searched(own_commands, "6s") as messenger:
        await messenger.follow()
        async with messenger.socket() as socket:
            said = await socket.post(f"by socket {secret}", ttl=_LIFE_MS)
            await messenger.submit(f"by form {secret}", f"{_LIFE_MS}ms")
            await messenger.post("a word", author=f"me {secret}", ttl=_LIFE_MS, key=secret)
            last = await messenger.post(f"by request {secret}", ttl=_LIFE_MS, key="a-key")
            assert said.name == "posted"
            await messenger.ask(secret, last["id"])
            await messenger.bury(last["id"])
            await _found_everywhere(messenger, secret)
            await _found_nowhere(messenger, secret)


async def test_the_windows_life_is_found_nowhere_after_it(
    own_commands: Commands, secret: str
) -> None:
    """The same for who chose no life, and everybody's window ends."""
    async with searched(own_commands, f"{_LIFE_MS}ms") as messenger:
        await messenger.follow()
        posted = await messenger.post(f"by request {secret}", author=f"me {secret}")
        await messenger.ask(secret, posted["id"])
        await messenger.bury(posted["id"])
        await _found_everywhere(messenger, secret)
        await _found_nowhere(messenger, secret)


async def test_what_a_killed_sweeper_left_is_gone_before_anything_is_served(
    own_commands: Commands, secret: str
) -> None:
    """All was killed before the time came: the next start sweeps before it serves, and what is over is
    off the disk in the promised time."""
    async with searched(own_commands, "1s") as messenger:
        await messenger.post(f"left over {secret}")
        await wait_until(lambda: messenger.in_files(secret), "it is written")
        await messenger.running.end(signal.SIGKILL)
    await wait_until(lambda: not own_commands.servers(), "the store has ended with it")
    assert files_with(own_commands.data_dir, secret)
    await asyncio.sleep(1)
    async with searched(own_commands, "1s") as messenger:
        assert messenger.entries() == 0
        assert messenger.in_store(secret) == []
        assert await messenger.texts() == []
        await _found_nowhere(messenger, secret)


async def test_a_start_sweeps_before_it_serves(
    monkeypatch: pytest.MonkeyPatch,
    private_store: PrivateStore,
    settings: Callable[..., Settings],
) -> None:
    """When the web process begins, and before the worker does, nothing that is over is stored."""
    stored: list[list[str]] = []

    async def see(*_: object) -> None:
        stored.append(texts(client))

    monkeypatch.setattr("consumers.worker.work", see)
    monkeypatch.setattr("web.server.serve", see)
    with private_store.client() as client:
        async with Store(private_store.url) as store:
            await Logs(store, settings()).settle()
        add_posted(client, f"{now_ms(client) - 1_000_000}-0", "left over")
        add_posted(client, f"{now_ms(client)}-0", "living")
        await up._on_store(settings(), private_store.url, None, asyncio.Event())
    assert stored == [["living"], ["living"]]


@pytest.fixture
async def short_promise(
    monkeypatch: pytest.MonkeyPatch, own_store: Callable[..., PrivateStore]
) -> AsyncIterator[tuple[PrivateStore, Logs]]:
    """A store with files, and a minute that is twenty seconds."""
    monkeypatch.setattr(rewriter, "_PROMISE_MS", 20_000)
    private = own_store(window="1s")
    async with Store(private.url) as store:
        logs = Logs(store, private.settings)
        await logs.settle()
        yield private, logs


async def test_a_rewrite_under_way_does_not_put_off_the_next_by_a_round(
    short_promise: tuple[PrivateStore, Logs], secret: str
) -> None:
    """A rewrite that began before a text expired keeps it. The one after it begins when that has ended,
    and not a round later: the text is off the disk in the promised time."""
    private, logs = short_promise
    client, stop = logs.store.client, asyncio.Event()
    posted = await logs.all[0].append(Post("lobby", "me", secret))
    await client.config_set("rdb-key-save-delay", 300_000)
    for number in range(5):
        await client.set(f"slow {number}", "value", px=60_000)
    await client.bgrewriteaof()
    await client.config_set("rdb-key-save-delay", 0)
    await logs.all[0].erase("lobby", posted.id, "author")
    running = asyncio.create_task(Rewriter(logs.store, logs).run(stop))
    await wait_until(
        lambda: not files_with(private.folder, secret), "it is off the disk", seconds=8
    )
    stop.set()
    await running
