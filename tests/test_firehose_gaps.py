"""The firehose tells what is missing, of the partition in which it is, and nothing that is not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from messenger.entries import EntryId
from messenger.keys import Keys, partition_of
from messenger.log import PAGE, Log, Logs, Post
from tests.firehoses import TOKEN, Open, streamed
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.settling import settled
from tests.test_firehose import ROOMS, both
from tests.waiting import wait_until
from web import cursors

Run = Callable[..., Messenger]


@both
async def test_what_expired_meanwhile_is_a_gap(
    log: Log, private_store: PrivateStore, run_messenger: Run, opened: Open
) -> None:
    """Of the partition that it happened in; what still lives follows."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 9_000_000}-old")
        seen = f"{now - 2_000_000}-0"
        add_posted(client, f"{now - 1_000}-0", "still there", room="other")
    messenger = await run_messenger(admin_token=TOKEN)
    async with opened(messenger, last_id=seen) as all_rooms:
        hello, gap, message = [await all_rooms.next() for _ in range(3)]
        assert hello.id == seen
        assert {**gap.data, "until": ""} == {
            "reason": "expired",
            "after": seen,
            "until": "",
            "partition": 0,
        }
        assert gap.id == (seen if opened is streamed else "")
        assert message.data["text"] == "still there"


@both
async def test_a_new_history_of_one_partition_is_announced(
    private_store: PrivateStore, run_messenger: Run, opened: Open
) -> None:
    """Only that partition begins anew, for who listens and for who comes back."""
    messenger = await run_messenger(partitions="2", admin_token=TOKEN)
    anew = partition_of("room0", 2)
    kept = next(room for room in ROOMS if partition_of(room, 2) != anew)
    await messenger.post("old", room="room0")
    await messenger.post("kept", room=kept)
    async with opened(messenger, last_id="0-0") as all_rooms:
        await all_rooms.messages(2)
        last_id = all_rooms.last_id
        with private_store.client() as client:
            client.delete(messenger.logs.all[anew].keys.log)
        gap = await all_rooms.until("gap")
        assert (gap.data["reason"], gap.data["partition"]) == ("reset", anew)
        await messenger.post("new", room="room0")
        assert (await all_rooms.until("message")).data["text"] == "new"
        after_it = all_rooms.last_id
    async with opened(messenger, last_id=last_id) as all_rooms:
        gap = await all_rooms.until("gap")
        assert (gap.data["reason"], gap.data["partition"]) == ("reset", anew)
        assert [each["text"] for each in await all_rooms.messages(1)] == ["new"]
    async with opened(messenger, last_id=after_it) as all_rooms:
        await all_rooms.next()
        await messenger.post("live", room=kept)
        assert (await all_rooms.until("message")).data["text"] == "live"


async def _is_over(messenger: Messenger, posted: dict[str, str]) -> bool:
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.get(path) as response:
        return response.status == 410


@both
@pytest.mark.parametrize("is_owed", [True, False])
async def test_what_expires_while_a_history_is_read_is_a_gap(
    run_messenger: Run, monkeypatch: pytest.MonkeyPatch, opened: Open, is_owed: bool
) -> None:
    """It lived when the reader came, and was over when its page was read: who had a cursor is told,
    once, where it happened; who asked for what lives was given that."""
    messenger = await run_messenger(admin_token=TOKEN)
    log = messenger.logs.of("lobby")
    first = await messenger.post("first")

    async def say(count: int) -> None:
        await asyncio.gather(*(log.append(Post("lobby", "me", "x")) for _ in range(count)))

    await say(2 * PAGE + 50)
    brief = await messenger.post("brief", ttl=4_000)
    await say(PAGE)
    last = await messenger.post("last")
    read = Log.range

    async def once_it_is_over(of: Log, after: EntryId, *more: Any) -> Any:
        if after > EntryId.parse(first["id"]):
            await wait_until(lambda: _is_over(messenger, brief), "the brief message is over")
        return await read(of, after, *more)

    monkeypatch.setattr(Log, "range", once_it_is_over)
    told: list[Any] = []
    async with opened(messenger, last_id=first["id"] if is_owed else "0-0") as all_rooms:
        while not told or told[-1].data.get("id") != last["id"]:
            told.append(await all_rooms.next())
    ids = [event.data["id"] for event in told if event.name == "message"]
    assert brief["id"] not in ids
    assert len(ids) == len(set(ids)) == 3 * PAGE + 51 + (not is_owed)
    gaps = [(at, event.data) for at, event in enumerate(told) if event.name == "gap"]
    if is_owed:
        ((at, gap),) = gaps
        assert at == PAGE + 1
        assert (gap["reason"], gap["until"]) == ("expired", brief["id"])
        assert gap["after"] == told[PAGE].data["id"]
    else:
        assert gaps == []


@both
async def test_an_early_cut_is_announced(
    private_store: PrivateStore, run_messenger: Run, opened: Open
) -> None:
    """For who listens and for who comes back; of other rooms alone it is not told."""
    messenger = await run_messenger(admin_token=TOKEN)
    seen = await messenger.post("seen")
    first, second = await messenger.post("first"), await messenger.post("second")
    async with opened(messenger) as all_rooms:
        await all_rooms.next()
        with private_store.client() as client:
            client.xtrim(KEYS.log, minid=second["id"], approximate=False)
            client.hset(KEYS.meta, "trimmed_to", first["id"])
        await messenger.post("third")
        gap = await all_rooms.until("gap")
        assert gap.data["reason"] == "trimmed"
        assert (gap.data["until"], gap.data["partition"]) == (first["id"], 0)
    async with opened(messenger, last_id=seen["id"]) as all_rooms:
        assert (await all_rooms.until("gap")).data["reason"] == "trimmed"
        assert [each["text"] for each in await all_rooms.messages(2)] == ["second", "third"]


@both
async def test_silent_partitions_miss_nothing(
    logs: Logs,
    private_store: PrivateStore,
    run_messenger: Run,
    settings: Callable[..., Any],
    opened: Open,
) -> None:
    """A reader's place in a partition that was silent for longer than the window is old, and no gap:
    neither there nor where somebody spoke."""
    with private_store.client() as client:
        client.flushall()
        await settled(logs.store, settings(partitions="3"))
        now = now_ms(client)
        places = []
        for partition in range(3):
            keys = Keys(partition)
            client.hset(keys.meta, "epoch", f"{now - 9_000_000}-old")
            fields = {"type": "message.posted", "room": "r", "author": "a", "text": "t"}
            fields["ttl"] = "900000"
            client.xadd(keys.log, fields, id=f"{now - 5_000_000 + partition}-0")
            client.xtrim(keys.log, maxlen=0)
            places.append(EntryId(now - 5_000_000 + partition, 0))
    messenger = await run_messenger(partitions="3", admin_token=TOKEN)
    cursor = cursors.write(places)
    spoken = next(room for room in ROOMS if partition_of(room, 3) == 1)
    await messenger.post("at last", room=spoken)
    for _ in range(2):
        async with opened(messenger, last_id=cursor) as all_rooms:
            assert (await all_rooms.next()).name == "hello"
            event = await all_rooms.next()
            assert (event.name, event.data["text"]) == ("message", "at last")
