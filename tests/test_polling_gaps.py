"""Long polls are told what is missing, as streams are."""

import asyncio
from collections.abc import Callable

import pytest

from messenger.log import Log
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.test_polling import poll, texts, waiting
from tests.waiting import wait_until
from web.remembered import LEAST

Run = Callable[..., Messenger]


async def test_what_expired_meanwhile_is_a_gap(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """As in a stream: from where to where, and what still lives after it."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 9_000_000}-old")
        seen = f"{now - 2_000_000}-0"
        add_posted(client, f"{now - 1_000}-0", "still there")
    messenger = await run_messenger()
    found = await poll(messenger, seen)
    assert (found["gap"]["reason"], found["gap"]["after"]) == ("expired", seen)
    assert texts(found) == ["still there"]
    assert (await poll(messenger, found["cursor"], "0s"))["gap"] is None


async def test_a_new_history_ends_the_wait(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A store that is emptied is told to who waits, and to who comes later; polling goes on."""
    old = await messenger.post("old")
    polling = asyncio.create_task(poll(messenger, old["id"]))
    await waiting(messenger)
    with private_store.client() as client:
        client.flushall()
    found = await polling
    assert found["gap"]["reason"] == "reset"
    # Who comes in that very moment is refused, and told when to come again.
    await wait_until(messenger.is_read, "the new history is read")
    polling = asyncio.create_task(poll(messenger, found["cursor"]))
    new = await messenger.post("new")
    assert [message["id"] for message in (await polling)["messages"]] == [new["id"]]
    again = await poll(messenger, old["id"])
    assert (again["gap"]["reason"], texts(again)) == ("reset", ["new"])


async def test_after_a_long_silence_nothing_is_said_to_be_missing(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """The cursor of a log that was silent for longer than the window is not too old."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 9_000_000}-old")
        cursor = add_posted(client, f"{now - 5_000_000}-0", "long ago")
        client.xtrim(KEYS.log, maxlen=0)
    messenger = await run_messenger()
    assert (await poll(messenger, cursor, "0s"))["cursor"] == cursor
    polling = asyncio.create_task(poll(messenger, cursor))
    await waiting(messenger)
    await messenger.post("at last")
    found = await polling
    assert (texts(found), found["gap"]) == (["at last"], None)


async def test_an_early_cut_is_announced(private_store: PrivateStore, messenger: Messenger) -> None:
    """What the store had to cut is told to who had not read it, and ends nobody else's wait."""
    first = await messenger.post("first")
    second = await messenger.post("second")
    polling = asyncio.create_task(poll(messenger, second["id"]))
    await waiting(messenger)
    with private_store.client() as client:
        client.xtrim(KEYS.log, minid=second["id"], approximate=False)
        client.hset(KEYS.meta, "trimmed_to", first["id"])
    third = await messenger.post("third")
    found = await polling
    assert (texts(found), found["gap"]) == (["third"], None)
    before = f"{first['created_at'] - 1}-0"
    with private_store.client() as client:
        birth = client.hget(KEYS.meta, "epoch").decode().split("-")[0]
    found = await poll(messenger, max(before, f"{birth}-0"))
    assert texts(found) == ["second", "third"]
    assert found["gap"]["reason"] == "trimmed"
    assert found["gap"]["until"] == first["id"]
    assert found["cursor"] == third["id"]


@pytest.mark.usefixtures("little_memory")
async def test_what_is_over_and_not_swept_makes_no_hole(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """An answer that finds mostly what is over, behind what is remembered, is short; the next goes on
    right after it."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        client.hset(KEYS.meta, "epoch", f"{begin - 1}-old")
        for number in range(950):
            add_posted(client, f"{begin + number}-0", "over", ttl=1_000)
        for number in range(LEAST + 200):
            add_posted(client, f"{begin + 1_000 + number}-0", f"{number}")
    messenger = await run_messenger(with_worker=False)
    seen: list[str] = []
    after, answers = "0-0", 0
    while len(seen) < LEAST + 200 and answers < 100:
        found = await poll(messenger, after, "0s")
        seen += texts(found)
        after, answers = found["cursor"], answers + 1
    assert seen == [f"{number}" for number in range(LEAST + 200)]
