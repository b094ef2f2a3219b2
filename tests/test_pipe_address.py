"""How a pipe gets to its store: by address, password and database, and what it does where it can't."""

import time
from collections.abc import Callable

import pytest

from messenger.connection import Store
from messenger.errors import StoreUnavailable
from messenger.pipe import Pipe
from tests.private_store import PrivateStore
from tests.waiting import wait_until


@pytest.mark.parametrize("user", ["", "default"])
async def test_a_password_of_the_url_opens_the_store(
    own_store: Callable[..., PrivateStore], user: str
) -> None:
    """A store with a password is opened by its URL, for calls and for the rest."""
    private = own_store()
    path = private.socket
    with private.client() as client:
        client.config_set("requirepass", "secret")
        async with Store(f"unix://{user}:secret@{path}") as store:
            assert await store.pipe.call("ECHO", "hello") == b"hello"
            assert await store.client.ping()


@pytest.mark.parametrize("credentials", ["", ":wrong@", "nobody:secret@"])
async def test_a_wrong_password_is_a_store_that_refuses(
    own_store: Callable[..., PrivateStore], credentials: str
) -> None:
    """A missing or wrong password is told as such, and at once: trying again would not help."""
    private = own_store()
    path = private.socket
    with private.client() as client:
        client.config_set("requirepass", "secret")
        pipe = Pipe(f"unix://{credentials}{path}")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"refuses|password"):
            await pipe.call("GET", "key")
        assert time.monotonic() - began < 1.0
        await pipe.close()


async def test_a_connection_that_is_not_let_in_is_let_go(
    own_store: Callable[..., PrivateStore],
) -> None:
    """However often a store refuses a new connection, none is left open there."""
    private = own_store()
    path = private.socket
    with private.client() as client:
        client.config_set("requirepass", "secret")
        pipe = Pipe(f"unix://:wrong@{path}")
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await pipe.call("PING")
        await wait_until(lambda: len(client.client_list()) == 1, "only the test's own is open")
        await pipe.close()


async def test_a_database_of_the_url_is_used(private_store: PrivateStore) -> None:
    """The URL's database is selected on the pipe, and again on each new connection."""
    pipe = Pipe(private_store.url + "?db=3")
    with private_store.client() as client:
        for _ in range(2):
            await pipe.call("SET", "key", "value", "PX", 60_000)
            assert not client.exists("key")
            assert await pipe.call("EXISTS", "key") == 1
            client.client_kill_filter(_type="normal", skipme=True)
    await pipe.close()
