"""Messages in the window by age: counted as they come and go, the same as a look through the log."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from messenger.entries import EntryId
from tests.past import fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until
from web.occupancy import Occupancy


def at(ms: int, seq: int = 0) -> EntryId:
    return EntryId(ms, seq)


def test_what_goes_is_counted_no_more() -> None:
    """A message leaves its slot once: at its end, or when it is erased before."""
    found = Occupancy(60_000)
    for seq in range(3):
        found.add(at(5_000, seq))
    found.add(at(6_500))
    assert found.read(0) == {5_000: 3, 6_000: 1}
    found.erase(at(7_000), at(5_000, 1))
    assert found.read(0) == {5_000: 2, 6_000: 1}
    for ended in (at(5_000), at(5_000, 1), at(7_000), at(6_500)):
        found.expire(ended)
    assert found.read(0) == {5_000: 1}


def test_an_erasure_of_what_was_never_seen_takes_nothing() -> None:
    """Neither when it is told nor when its own time is over."""
    found = Occupancy(60_000)
    found.add(at(5_000))
    found.erase(at(5_500), None)
    found.expire(at(5_500))
    assert found.read(0) == {5_000: 1}


def test_what_was_cut_by_hand_goes() -> None:
    """Its slots are empty, and nothing is taken for it a second time when its time is over."""
    found = Occupancy(60_000)
    for ms in (5_000, 6_000, 6_900):
        found.add(at(ms))
    found.trim(at(6_500))
    assert found.read(0) == {6_000: 2}
    for ms in (5_000, 6_000):
        found.expire(at(ms))
    found.expire(at(6_900))
    assert found.read(0) == {6_000: 1}
    assert found.read(7_000) == {}


def test_nothing_is_told_from_before_the_window() -> None:
    """Whatever was miscounted is over with the window."""
    found = Occupancy(60_000)
    found.add(at(5_000))
    found.add(at(66_000))
    assert found.read(65_500) == {66_000: 1}


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token="o" * 32)
    return found


async def living(messenger: Messenger) -> int:
    headers = {"Authorization": "Bearer " + "o" * 32}
    async with messenger.session.get(messenger.url + "/api/ops/figures", headers=headers) as found:
        return sum(count for _, count in (await found.json())["ages"])


@pytest.mark.usefixtures("little_memory")
async def test_it_is_the_log(private_store: PrivateStore, messenger: Messenger) -> None:
    """Through short lives, erasures, more messages than a room remembers, another process's look from
    the start, and a log that begins anew."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        fill(client, [f"{begin}-{seq}" for seq in range(1_500)], ttl="900000")
    oldest = EntryId(begin, 0)
    assert messenger.logs is not None
    await messenger.logs.all[0].erase("lobby", oldest, "operator")
    short = [await messenger.post("short", ttl=1_000) for _ in range(3)]
    await messenger.post("long")
    await messenger.session.delete(
        f"{messenger.url}/api/rooms/lobby/messages/{short[0]['id']}",
        headers={"Authorization": f"Bearer {short[0]['erase_token']}"},
    )
    await wait_until(lambda: _is(messenger, 1_500), "the short lives are over")
    with private_store.client() as client:
        # What is over counts no more; it leaves the log with the next sweep.
        await wait_until(lambda: _stored(client) == 1_500, "the log has as many")
        client.delete(KEYS.log)
    await wait_until(lambda: _is(messenger, 0), "a new history is empty")


def _stored(client: redis.Redis) -> int:
    return sum(fields[b"type"] == b"message.posted" for _, fields in client.xrange(KEYS.log))


async def test_another_process_counts_the_same_from_the_start(
    private_store: PrivateStore, messenger: Messenger, run_messenger: Callable[..., Any]
) -> None:
    """What was erased before it began it never saw, and does not take out."""
    posted = [await messenger.post(str(number)) for number in range(3)]
    assert messenger.logs is not None
    await messenger.logs.all[0].erase("lobby", EntryId.parse(posted[0]["id"]), "operator")
    another = await run_messenger(admin_token="o" * 32)
    assert await living(another) == 2
    await wait_until(lambda: _is(messenger, 2), "the first counts the same")


async def _is(messenger: Messenger, count: int) -> bool:
    return await living(messenger) == count
