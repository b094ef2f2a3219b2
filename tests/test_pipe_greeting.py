"""A store that turns a new connection away: its callers are told so, and nothing crashes."""

from collections.abc import Callable

import pytest

from messenger.errors import StoreUnavailable
from messenger.pipe import Pipe
from tests.private_store import PrivateStore


@pytest.mark.parametrize(
    ("begin", "end"),
    [("unix://:secret@", ""), ("unix://somebody:secret@", ""), ("unix://", "?db=99")],
    ids=["password of none", "unknown user", "no such database"],
)
async def test_a_greeting_that_is_refused_is_said(
    private_store: PrivateStore, begin: str, end: str
) -> None:
    """A password that the store does not ask for, a user or a database that it does not have: the
    store is unavailable, which every caller knows how to say."""
    pipe = Pipe(private_store.url.replace("unix://", begin) + end)
    with pytest.raises(StoreUnavailable, match="refuses"):
        await pipe.call("PING")
    await pipe.close()


async def test_a_store_with_too_many_clients_is_waited_for(
    own_store: Callable[..., PrivateStore],
) -> None:
    """A store that takes no more connections is unavailable, and served from again when it does."""
    private = own_store()
    pipe = Pipe(private.url)
    with private.client() as client:
        client.config_set("maxclients", 1)
        with pytest.raises(StoreUnavailable):
            await pipe.call("PING")
        client.config_set("maxclients", 100)
    assert await pipe.call("ECHO", "back") == b"back"
    await pipe.close()
