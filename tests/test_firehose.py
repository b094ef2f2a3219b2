"""The firehose: everything that is said, once and in order, from one partition or from several."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from messenger.entries import EntryId
from messenger.log import Log, Post
from messenger.settings import Settings
from tests.firehoses import TOKEN, Open, socketed, streamed
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving

Run = Callable[..., Messenger]
ROOMS = [f"room{number}" for number in range(12)]

both = pytest.mark.parametrize("opened", [streamed, socketed], ids=["events", "socket"])
some = pytest.mark.parametrize("partitions", ["1", "4"])


async def erase(messenger: Messenger, posted: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {posted['erase_token']}"}
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204


async def speak(messenger: Messenger, count: int) -> list[str]:
    """Posts into all rooms, several at a time; the texts."""
    texts = [f"{number}" for number in range(count)]
    for at in range(0, count, 6):
        posts = (
            messenger.post(text, room=ROOMS[int(text) % len(ROOMS)]) for text in texts[at : at + 6]
        )
        await asyncio.gather(*posts)
    return texts


def in_order(messages: list[dict[str, Any]]) -> bool:
    """Whether each room's messages are in the order of their ids."""
    by_room: dict[str, list[EntryId]] = {}
    for message in messages:
        by_room.setdefault(message["room"], []).append(EntryId.parse(message["id"]))
    return all(ids == sorted(ids) for ids in by_room.values())


@both
@some
async def test_all_rooms_are_told(run_messenger: Run, opened: Open, partitions: str) -> None:
    """Messages and erasures of every room, as in the room's own stream; who is where is not told."""
    messenger = await run_messenger(partitions=partitions, admin_token=TOKEN)
    async with opened(messenger) as all_rooms:
        hello = await all_rooms.next()
        assert hello.data.keys() == {"cursor", "epoch", "now", "window", "partitions"}
        assert hello.data["partitions"] == int(partitions)
        assert hello.data["cursor"] == hello.id
        for room in ROOMS:
            async with messenger.stream(room) as stream:
                await stream.next()
                posted = await messenger.post(f"in {room}", room=room)
                message, own = await all_rooms.next(), await stream.next()
                assert (message.name, message.data) == ("message", own.data)
                await erase(messenger, posted)
                erased, own = await all_rooms.next(), await stream.next()
                assert (erased.name, erased.data) == ("erased", own.data)


@both
@some
async def test_a_reconnect_resumes_exactly(
    run_messenger: Run, opened: Open, partitions: str
) -> None:
    """While many post, a reader that comes back again and again by its last id, from whatever place,
    gets every message once, each room's in its order."""
    messenger = await run_messenger(partitions=partitions, admin_token=TOKEN)
    posting = asyncio.create_task(speak(messenger, 240))
    seen: list[dict[str, Any]] = []
    last_id = "0-0"
    while len(seen) < 240:
        async with opened(messenger, last_id=last_id) as all_rooms:
            seen += await all_rooms.messages(min(7, 240 - len(seen)))
            last_id = all_rooms.last_id
    expected = await posting
    assert sorted(int(message["text"]) for message in seen) == [int(text) for text in expected]
    assert in_order(seen)


@both
@some
async def test_history_and_live_meet_without_a_hole_or_a_double(
    run_messenger: Run, opened: Open, partitions: str
) -> None:
    """Readers that come while others post, to a history of several pages, get every message once."""
    messenger = await run_messenger(partitions=partitions, admin_token=TOKEN)
    logs = messenger.logs
    before = [logs.of(ROOMS[n % 12]).append(Post(ROOMS[n % 12], "me", "old")) for n in range(2_500)]
    await asyncio.gather(*before)

    async def read() -> list[dict[str, Any]]:
        async with opened(messenger, last_id="0-0") as all_rooms:
            return await all_rooms.messages(2_500 + 240)

    posting = asyncio.create_task(speak(messenger, 240))
    readers = []
    for _ in range(3):
        readers.append(asyncio.create_task(read()))
        await asyncio.sleep(0)  # between two posts, not after a time
    expected = await posting
    for reader in readers:
        found = await reader
        assert len({(message["room"], message["id"]) for message in found}) == 2_500 + 240
        texts = [message["text"] for message in found if message["text"] != "old"]
        assert sorted(texts, key=int) == expected
        assert in_order(found)


@both
@some
async def test_some_rooms_are_told(run_messenger: Run, opened: Open, partitions: str) -> None:
    """With `rooms` nothing else is, neither of the past nor live; a resume is exact here too."""
    messenger = await run_messenger(partitions=partitions, admin_token=TOKEN)
    await speak(messenger, 24)
    async with opened(messenger, rooms="room3,room7,größe", last_id="0-0") as chosen:
        past = await chosen.messages(4)
        assert sorted(message["text"] for message in past) == ["15", "19", "3", "7"]
        if opened is socketed:
            assert (await chosen.next()).name == "heartbeat"
        await messenger.post("elsewhere", room="room4")
        await messenger.post("here", room="größe")
        assert (await chosen.next()).data["text"] == "here"
        last_id = chosen.last_id
    await messenger.post("elsewhere", room="room4")
    await messenger.post("again", room="room7")
    async with opened(messenger, rooms="room3,room7,größe", last_id=last_id) as chosen:
        assert [each["text"] for each in await chosen.messages(1)] == ["again"]


@both
async def test_a_cursor_of_a_process_that_is_ahead_is_waited_for(
    run_messenger: Run, opened: Open
) -> None:
    """A reader that goes from one web process to another is not told of a reset."""
    given = {"partitions": "4", "admin_token": TOKEN}
    one, two = await run_messenger(**given), await run_messenger(with_worker=False, **given)
    async with opened(one) as first:
        await first.next()
        for number in range(20):
            await one.post(f"{number}", room=ROOMS[number % 12])
            await first.next()
            async with opened(two, last_id=first.last_id) as second:
                assert (await second.next()).name == "hello"
                posted = await two.post("next", room=ROOMS[number % 12])
                assert (await second.until("message")).data["id"] == posted["id"]
            await first.next()


@both
async def test_a_heartbeat_moves_the_whole_cursor(
    log: Log, private_store: PrivateStore, run_messenger: Run, opened: Open
) -> None:
    """After a history the reader is told that it has everything, and up to where: also in partitions
    in which its rooms are not."""
    with private_store.client() as client:
        client.flushall()
    messenger = await run_messenger(partitions="4", admin_token=TOKEN)
    await speak(messenger, 24)
    async with opened(messenger) as now:
        cursor = (await now.next()).id
    async with opened(messenger, rooms="room3", last_id="0-0") as chosen:
        await chosen.messages(2)
        posted = await messenger.post("later", room="room3")
        later = await chosen.until("message")
        assert later.data["id"] == posted["id"]
        assert later.id != cursor
    async with opened(messenger, last_id=later.id) as resumed:
        assert (await resumed.next()).id == later.id
        await messenger.post("last", room="room4")
        assert (await resumed.until("message")).data["text"] == "last"


@both
async def test_a_restart_says_farewell_and_a_reader_resumes(
    private_store: PrivateStore, settings: Callable[..., Settings], opened: Open
) -> None:
    """As for every stream; the cursor holds across processes."""
    given = settings(partitions="3", admin_token=TOKEN)
    async with serving(private_store.url, given) as messenger, opened(messenger) as all_rooms:
        await all_rooms.next()
        await messenger.post("first", room="room1")
        await all_rooms.until("message")
        messenger.stop()
        assert (await all_rooms.next()).data == {"reason": "restart"}
        last_id = all_rooms.last_id
    async with serving(private_store.url, given) as messenger:
        await messenger.post("second", room="room2")
        async with opened(messenger, last_id=last_id) as all_rooms:
            assert [each["text"] for each in await all_rooms.messages(1)] == ["second"]
