"""Other programs write to the log too: whatever they write stops nobody."""

from collections.abc import Callable

import pytest

from consumers.projector import Projector
from consumers.sweeper import Sweeper
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms, texts
from tests.serving import Messenger
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "message", ["1-99999999999999999999", "x", "", "-", "9" * 30 + "-0", "1-1-1", "\x00"]
)
async def test_an_erasure_of_no_id_stops_nobody(
    private_store: PrivateStore, messenger: Messenger, message: str
) -> None:
    """An erasure whose message can't be an id goes to the dead letters; feed and view go on."""
    with private_store.client() as client:
        fields = {"type": "message.erased", "room": "lobby", "message": message, "by": "author"}
        client.xadd(KEYS.log, fields)
        await messenger.post("after")
        assert await messenger.texts() == ["after"]
        await wait_until(lambda: client.xlen(KEYS.dead(PROJECTOR)) == 1, "it is buried")


async def test_a_malformed_entry_of_any_size_is_buried(
    private_store: PrivateStore, log: Log
) -> None:
    """Thousands of fields do not fit through the script: the letter is kept without them."""
    with private_store.client() as client:
        many = {f"field{number}": "x" for number in range(9_000)}
        client.xadd(KEYS.log, {"type": "message.posted", **many})
        await log.append(Post("lobby", "me", "after"))
        projector = Projector(log)

        async def is_applied() -> bool:
            await projector.step()
            return bool(client.exists(KEYS.room("lobby")))

        await wait_until(is_applied, "the next is applied")
        ((_, letter),) = client.xrange(KEYS.dead(PROJECTOR))
        assert letter[b"error"] == b"the field ttl is missing"
        assert client.xpending(KEYS.log, PROJECTOR)["pending"] == 0


async def test_the_last_id_of_a_millisecond_is_swept(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """An expired entry with the largest number there is goes like any other, by post and by sweep."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 1_000_000}-{2**64 - 1}", "over")
        await log.append(Post("lobby", "me", "posted"))
        assert texts(client) == ["posted"]
        client.flushall()
        await logs.settle()
        add_posted(client, f"{now_ms(client) - 1_000_000}-{2**64 - 1}", "over")
        assert (await Sweeper(logs).step()).removed == 1
        assert texts(client) == []


async def test_a_time_that_no_calendar_has_is_shown(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """An entry of the year 11,000 is on the page, and does not take the page along."""
    messenger = await run_messenger()
    with private_store.client() as client:
        add_posted(client, "300000000000000-0", "from afar")
    await wait_until(lambda: _texts(messenger), "it is in the feed")
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        assert response.status == 200
        assert "from afar" in await response.text()


async def _texts(messenger: Messenger) -> list[str]:
    return await messenger.texts()
