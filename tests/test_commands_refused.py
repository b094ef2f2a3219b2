"""What the short commands must not do with odd input and with what is over."""

import os
from collections.abc import AsyncIterator

import pytest

from messenger.log import Log
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms


@pytest.fixture
async def commands(private_store: PrivateStore, log: Log) -> AsyncIterator[Commands]:
    """Commands on a store that is set up and that nobody sweeps."""
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


@pytest.mark.parametrize("key", [os.fsdecode(b"\xff"), "", "two words", "é", "k" * 201])
async def test_post_takes_the_keys_that_the_api_takes(
    private_store: PrivateStore, commands: Commands, key: str
) -> None:
    """A key that could not be sent by HTTP is refused in one line, and nothing is posted."""
    done = await commands.run("post", "lobby", "hello", "--key", key)
    assert done.code in (1, 2), done.err
    assert "key" in done.one_line().lower()
    with private_store.client() as client:
        assert client.xlen(KEYS.log) == 0


async def test_get_shows_nothing_that_is_over(
    private_store: PrivateStore, commands: Commands
) -> None:
    """A message whose time is over is not printed, also where no worker has swept it yet."""
    with private_store.client() as client:
        entry_id = f"{now_ms(client) - 2_000}-0"
        add_posted(client, entry_id, "over and done", ttl=1_000)
    done = await commands.run("get", "lobby", entry_id)
    assert (done.code, done.out) == (1, "")
    assert "over and done" not in done.one_line()


async def test_the_embedded_store_has_no_replicas(own_commands: Commands) -> None:
    """Who asks that replicas have each message, and runs the embedded store, is told it has none."""
    done = await own_commands.run("up", "--replicas", "1")
    assert done.code == 2
    assert done.one_line() == (
        "messenger: MESSENGER_REPLICAS is 1, and the embedded store has no replica; "
        "allowed: 0, or a MESSENGER_STORE_URL"
    )
