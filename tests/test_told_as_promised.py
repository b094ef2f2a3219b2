"""What a real messenger sends keeps to the contract: hand-made bytes too, and no member that it does not
tell of."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from messenger.events import FORMS
from tests.contracts import breaks, hold, within
from tests.firehoses import AUTHORIZED, TOKEN, socketed, streamed
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.streams import Event
from web.contract.asyncapi import asyncapi
from web.contract.schemas import entry_name
from web.contract.told import EVENTS, Reader

Run = Callable[..., Messenger]
Tell = Callable[[Event, Reader], None]

DOCUMENT = asyncapi()
_FRAMES = DOCUMENT["components"]["messages"]


@pytest.fixture
async def operated(run_messenger: Run) -> Messenger:
    return await run_messenger(admin_token=TOKEN, post_rate="1000000/1s")


def told(event: Event, reader: Reader) -> None:
    """An event as a stream tells it: its data, and whether it has an id."""
    (kind,) = [each for each in EVENTS if each.name == event.name and reader in each.readers]
    hold(event.data, kind.kind.__name__)


def framed(event: Event, reader: Reader) -> None:
    """The same as a WebSocket's message, by the schema of the whole frame."""
    told(event, reader)
    (kind,) = [each for each in EVENTS if each.name == event.name and reader in each.readers]
    name = f"frame.{'all.' if kind.readers == ('firehose',) else ''}{event.name}"
    identity = {"id": event.id} if event.id else {}
    frame = {"event": event.name, **identity, "data": event.data}
    within(DOCUMENT, _FRAMES[name]["payload"]).validate(frame)
    if kind.has_id != "sometimes":
        assert bool(event.id) == (kind.has_id == "always")


async def erase(messenger: Messenger, posted: dict[str, Any]) -> None:
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.delete(path, headers=AUTHORIZED) as response:
        assert response.status == 204


async def make_happen(messenger: Messenger) -> None:
    """Whatever is told of a room: posts and an erasure."""
    posted = await messenger.post("hello 👋🏽\n", author="Ann", ttl="30s")
    await erase(messenger, posted)
    await messenger.post("again")


async def test_a_streams_events(operated: Messenger) -> None:
    """Hello, message, erased, present, farewell."""
    async with operated.stream() as stream:
        await make_happen(operated)
        seen = await stream.take(4)
        async with operated.stream():
            seen.append(await stream.until("present"))
        operated.stop()
        seen += await stream.rest()
    for event in seen:
        told(event, "room")
    assert {each.name for each in seen} == {"hello", "message", "erased", "present", "farewell"}


async def test_a_sockets_events(operated: Messenger) -> None:
    """The same by a WebSocket, with a heartbeat; and answers to posts, taken and refused."""
    async with operated.socket() as socket:
        seen = [await socket.next(), await socket.post("by a socket", key="4711")]
        seen += [await socket.post("no key"), await socket.post("x" * 2_001, key="4712")]
        await socket.ask({"else": 1})
        seen.append(await socket.answer())
        await make_happen(operated)
        seen += [await socket.until("message"), await socket.until("erased")]
        async with operated.stream():
            seen.append(await socket.until("present"))
        operated.stop()
        rest, code = await socket.rest()
        assert code == 1012
    for event in [*seen, *rest]:
        framed(event, "poster" if event.name in ("posted", "refused") else "room")
    names = {each.name for each in [*seen, *rest]}
    assert names >= {"hello", "message", "posted", "refused", "erased", "present", "farewell"}


@pytest.mark.parametrize("partitions", ["1", "3"])
@pytest.mark.parametrize("listen", [streamed, socketed])
async def test_the_firehoses_events(run_messenger: Run, listen: Any, partitions: str) -> None:
    """Hello, message, erased and farewell, of one partition and of several."""
    messenger = await run_messenger(admin_token=TOKEN, partitions=partitions)
    check: Tell = framed if listen is socketed else told
    async with listen(messenger) as firehose:
        await make_happen(messenger)
        seen = await firehose.take(4)
        messenger.stop()
        rest = await firehose.rest()
        seen += rest[0] if isinstance(rest, tuple) else rest
    for event in seen:
        check(event, "firehose")
    assert {"hello", "message", "erased", "farewell"} <= {each.name for each in seen}


async def test_gaps(operated: Messenger, private_store: PrivateStore) -> None:
    """What is missing, of a room and of a partition; and what heartbeats follow it."""
    with private_store.client() as client:
        past = now_ms(client) - 5_000
        add_posted(client, f"{past}-1", "over", ttl=1_000)
        begin = f"{past}-0"
        await operated.post("lives")
    async with operated.socket(after=begin) as socket:
        seen = [await socket.next() for _ in range(4)]
    async with socketed(operated, after=begin) as firehose:
        all_seen = [await firehose.next() for _ in range(4)]
    for event in seen:
        framed(event, "room")
    for event in all_seen:
        framed(event, "firehose")
    names = {"hello", "gap", "message", "heartbeat"}
    assert {each.name for each in seen} == {each.name for each in all_seen} == names


async def test_a_new_history(operated: Messenger, private_store: PrivateStore) -> None:
    """A gap that says reset has an id, for a room and for a partition."""
    async with operated.socket() as socket, socketed(operated) as firehose:
        await socket.next()
        await firehose.next()
        with private_store.client() as client:
            client.flushall()
        gap, of_all = await socket.until("gap"), await firehose.until("gap")
    framed(gap, "room")
    framed(of_all, "firehose")
    assert (bool(gap.id), bool(of_all.id)) == (True, True)


async def test_pages_and_polls(operated: Messenger) -> None:
    """The newest page, an older one, one of nothing; a poll with all of it and one without."""
    posted = [await operated.post(f"{each}") for each in range(5)]
    for query in ({}, {"limit": 2}, {"before": posted[3]["id"]}, {"after": posted[0]["id"]}):
        page = await operated.page(**query)
        assert page["messages"]
        hold(page, "MessagePage")
    hold(await operated.page("nobody-was-here"), "MessagePage")
    await erase(operated, posted[0])
    polled = await operated.page(after="0-0", wait="0s")
    assert polled["messages"]
    assert polled["erased"]
    hold(polled, "Polled")
    gone = await operated.page(after="1-0", wait="0s")
    assert gone["gap"]
    hold(gone, "Polled")
    hold(await operated.page(after=gone["cursor"], wait="10ms"), "Polled")
    for each in posted:
        hold(each, "Posted")


async def test_messages_rooms_and_health(operated: Messenger) -> None:
    """One message, the rooms, what watches over us."""
    posted = await operated.post("hello", room="café")
    for path, name in (
        (f"/api/rooms/café/messages/{posted['id']}", "Message"),
        ("/api/rooms", "RoomList"),
        ("/health/live", "Live"),
        ("/health/ready", "Health"),
    ):
        async with operated.session.get(operated.url + path) as response:
            assert response.status == 200
            hold(await response.json(), name)


async def test_entries(operated: Messenger, private_store: PrivateStore) -> None:
    """What is in the store, read as another program would."""
    await make_happen(operated)
    with private_store.client() as client:
        entries = [fields for _, fields in client.xrange(KEYS.log)]
    names = {str(kind.__struct_config__.tag): entry_name(kind) for kind in FORMS}
    read = [{k.decode(): v.decode() for k, v in fields.items()} for fields in entries]
    for fields in read:
        hold(fields, names[fields["type"]])
    assert {fields["type"] for fields in read} == names.keys()


def test_what_is_not_promised_is_found() -> None:
    """The check looks: a member too many, one too few, one of another kind."""
    sound = {"room": "lobby", "here": 3}
    assert not breaks(sound, "Present")
    assert breaks(sound | {"more": 1}, "Present")
    assert breaks({"room": "lobby"}, "Present")
    assert breaks(sound | {"here": "3"}, "Present")
    assert breaks(json.loads("[]"), "Present")
