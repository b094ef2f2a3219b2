"""A room by a WebSocket: the same events as the stream, with the same ids."""

import asyncio
from collections.abc import Callable

import pytest

from messenger.log import Log, Logs, Post
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.streams import Event
from tests.waiting import wait_until
from web import frames
from web.feed import Feed
from web.heartbeat import Heartbeat
from web.remembered import LEAST
from web.subscriber import Subscriber

Run = Callable[..., Messenger]


class Kept:
    """A reader without a network."""

    def __init__(self) -> None:
        self.written = b""
        self.subscriber = Subscriber(frames.encode, self)

    def write(self, data: bytes) -> None:
        self.written += data

    def unread(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


async def erase(messenger: Messenger, posted: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {posted['erase_token']}"}
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204


def _shown(event: Event) -> Event:
    """Without what each reader is told of its own time."""
    return event._replace(data={name: event.data[name] for name in event.data.keys() - {"now"}})


async def test_a_socket_tells_what_a_stream_tells(messenger: Messenger) -> None:
    """Hello, history, messages, erasures and presence: the same names, ids and data, in one order."""
    first = await messenger.post("first", author="Ann")
    async with messenger.stream(after="0-0") as stream:
        told = [await stream.next(), await stream.next()]
        async with messenger.socket(after="0-0") as socket:
            hello, message = await socket.take(2)
            present = await stream.next()
            assert present.data == {"room": "lobby", "here": 2}
            assert hello.data["here"] == 2
            assert hello.data.keys() == told[0].data.keys()
            assert (hello.id, hello.data["cursor"]) == ("0-0", "0-0")
            assert message == told[1]._replace(id=first["id"])
            await messenger.post("zwei\nZeilen 😀")
            await erase(messenger, first)
            live = [_shown(await socket.next()) for _ in range(2)]
            assert live == [_shown(await stream.next()) for _ in range(2)]
            assert [event.name for event in live] == ["message", "erased"]


async def test_events_without_an_id_have_none(run_messenger: Run) -> None:
    """Presence moves no cursor here either."""
    messenger = await run_messenger()
    async with messenger.socket() as socket:
        cursor = (await socket.next()).id
        async with messenger.socket():
            present = await socket.next()
            assert (present.name, present.id) == ("present", "")
            assert socket.last_id == cursor


async def test_a_socket_without_a_cursor_begins_now(messenger: Messenger) -> None:
    """What was said before is not told; the cursor is where a page would end."""
    await messenger.post("before")
    cursor = (await messenger.page())["cursor"]
    async with messenger.socket() as socket:
        assert (await socket.next()).data["cursor"] == cursor
        posted = await messenger.post("after")
        assert (await socket.next()).id == posted["id"]


async def test_history_and_live_meet_without_a_hole_or_a_double(messenger: Messenger) -> None:
    """Sockets that come while others post get every message after their cursor exactly once."""
    before = await messenger.page()

    async def post() -> list[str]:
        for number in range(120):
            await messenger.post(f"{number}")
        return [f"{number}" for number in range(120)]

    async def read() -> list[str]:
        async with messenger.socket(after=before["cursor"]) as socket:
            return [message["text"] for message in await socket.messages(120)]

    posting = asyncio.create_task(post())
    readers = []
    for _ in range(8):
        readers.append(asyncio.create_task(read()))
        await asyncio.sleep(0)  # between two posts, not after a time
    expected = await posting
    for reader in readers:
        assert await reader == expected


async def test_a_reconnect_resumes_exactly(messenger: Messenger) -> None:
    """A socket that comes back again and again by its last id misses and doubles nothing."""
    log = messenger.logs.all[0]
    posting = asyncio.gather(*(log.append(Post("lobby", "me", f"{n}")) for n in range(100)))
    seen: list[str] = []
    last_id = "0-0"
    while len(seen) < 100:
        async with messenger.socket(after=last_id) as socket:
            seen += [each["text"] for each in await socket.messages(min(7, 100 - len(seen)))]
            last_id = socket.last_id
    await posting
    assert seen == await messenger.texts(limit=100)


@pytest.mark.usefixtures("little_memory")
async def test_a_resume_reaches_behind_what_is_remembered(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """More was said than memory holds: the rest comes from the log, in order."""
    count = LEAST + 300
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        for number in range(count):
            add_posted(client, f"{begin + number}-0", f"{number}")
    messenger = await run_messenger()
    async with messenger.socket(after="0-0") as socket:
        texts = [message["text"] for message in await socket.messages(count)]
    assert texts == [f"{number}" for number in range(count)]


async def test_what_expired_meanwhile_is_a_gap(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """It is told from where to where, and moves no cursor; what lives follows, then the id up to
    which all was told."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 9_000_000}-old")
        seen = f"{now - 2_000_000}-0"
        kept = add_posted(client, f"{now - 1_000}-0", "still there")
    messenger = await run_messenger()
    async with messenger.socket(after=seen) as socket:
        hello, gap, message, heartbeat = await socket.take(4)
    assert (hello.id, gap.id, message.id, heartbeat.id) == (seen, "", kept, kept)
    assert (gap.data["reason"], gap.data["after"]) == ("expired", seen)
    assert (heartbeat.name, heartbeat.data.keys()) == ("heartbeat", {"now"})


async def test_a_new_history_is_announced(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """The store was emptied: a socket is told to begin anew, and goes on."""
    old = await messenger.post("old")
    async with messenger.socket() as socket:
        await socket.next()
        with private_store.client() as client:
            client.flushall()
        gap = await socket.until("gap")
        assert gap.data["reason"] == "reset"
        assert gap.id == gap.data["until"]
        new = await messenger.post("new")
        assert (await socket.until("message")).id == new["id"]
    async with messenger.socket(after=old["id"]) as socket:
        _, gap, message = await socket.take(3)
    assert (gap.data["reason"], message.id) == ("reset", new["id"])


async def test_a_heartbeat_is_an_event_that_moves_the_cursor(
    private_store: PrivateStore, logs: Logs
) -> None:
    """A socket that is quiet is told the store's time and the id up to which it has everything."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    await partition.step()
    kept = Kept()
    await feed.subscribe("quiet", None, kept.subscriber)
    kept.subscriber.open()
    elsewhere = await logs.of("loud").append(Post("loud", "me", "over there"))
    await partition.step()
    await Heartbeat(feed).beat()
    head = b'{"event":"heartbeat","id":"%b","data":{"now":' % str(elsewhere.id).encode()
    assert kept.written[2:].startswith(head)
    await partition.close()


async def test_the_protocol_s_name_is_offered(messenger: Messenger) -> None:
    """Who asks for messenger.v1 gets it; who asks for something else or nothing is not refused."""
    for asked, given in (((), None), (("messenger.v1",), "messenger.v1"), (("x", "y"), None)):
        path = f"{messenger.url}/api/rooms/lobby/socket"
        async with messenger.session.ws_connect(path, protocols=asked) as socket:
            assert socket.protocol == given
            assert (await socket.receive(5)).data.startswith('{"event":"hello"')


async def test_sockets_count_as_readers(messenger: Messenger) -> None:
    """They are among the streams of the figures, and those who are here."""
    async with messenger.socket() as socket, messenger.stream() as stream:
        await stream.next()
        assert (await socket.until("present")).data["here"] == 2
        async with messenger.session.get(messenger.url + "/metrics") as response:
            figures = await response.text()
    assert "messenger_subscribers 2.0" in figures
    assert "messenger_streams_total 2.0" in figures


async def test_a_room_s_sockets_are_let_go(messenger: Messenger) -> None:
    """However a socket ends, nothing of it stays."""
    async with messenger.stream() as stream:
        await stream.next()
        async with messenger.socket() as polite:
            await polite.next()
        rude = await messenger.session.ws_connect(f"{messenger.url}/api/rooms/lobby/socket")
        await rude.receive(5)
        assert rude._response.connection is not None
        rude._response.connection.transport.abort()

        async def is_alone() -> bool:
            async with messenger.session.get(messenger.url + "/metrics") as response:
                return "messenger_subscribers 1.0" in await response.text()

        await wait_until(is_alone, "only the stream is left")
