"""What presence costs and leaves behind: few events, few writes, nothing that stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import redis

from messenger.connection import Store
from messenger.errors import StoreUnavailable
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.sinks import Recorder
from tests.test_presence import signed
from web import sse
from web.census import Census
from web.feed import Feed
from web.here import Here
from web.live import Present
from web.presence import Presence


@pytest.fixture
async def feed(logs: Logs) -> AsyncIterator[Feed]:
    """A feed that has read its log, without the loops."""
    made = Feed(logs)
    for partition in made.partitions:
        await partition.step()
    yield made
    for partition in made.partitions:
        await partition.close()


async def join(feed: Feed, room: str = "lobby") -> Recorder:
    sink = Recorder()
    await feed.subscribe(room, None, sink.subscriber)
    sink.subscriber.open()
    return sink


def told(sink: Recorder) -> list[int]:
    frames = sink.written.split(b"\n\n")
    data = [frame.partition(b"data: ")[2] for frame in frames if b"event: present" in frame]
    return [json.loads(each)["here"] for each in data]


def test_presence_has_no_id() -> None:
    """The frame moves nobody's cursor: it has an event and data, and no id."""
    assert sse.encode([Present("größe", 2)]) == (
        'event: present\ndata: {"room":"größe","here":2}\n\n'.encode()
    )


async def test_a_storm_is_one_event_each(feed: Feed) -> None:
    """A thousand who come at once are told once, and the last, who knows, not at all."""
    presence = Presence(feed)
    sinks = [await join(feed) for _ in range(1_000)]
    await presence.step()
    await presence.step()
    assert [told(sink) for sink in sinks] == [[1_000]] * 999 + [[]]


async def test_a_full_room_is_told_in_turns(feed: Feed) -> None:
    """Of thousands a thousand are told at a time, so that the rest of the process has its turn; in the
    end all know, also of who came meanwhile, and nobody is told what it knows."""
    presence = Presence(feed)
    sinks = [await join(feed) for _ in range(2_500)]
    room, heard = feed.of("lobby").rooms["lobby"], []
    for _ in range(6):
        room.told_at -= 1
        await presence.step()
        heard.append(sum(bool(told(sink)) for sink in sinks))
        if len(heard) == 1:
            sinks.append(await join(feed))
    assert heard[:3] == [1_000, 2_000, 2_499]
    assert {told(sink)[-1] for sink in sinks[:-2]} == {2_501}
    assert all(len(told(sink)) <= 2 for sink in sinks)
    assert not feed.of("lobby").here.changed


async def test_a_room_is_not_told_all_the_time(feed: Feed) -> None:
    """What changes right after it was told waits for its turn, and is not forgotten."""
    presence, first = Presence(feed), await join(feed)
    await join(feed)
    await presence.step()
    await join(feed)
    await presence.step()
    assert told(first) == [2]
    feed.of("lobby").rooms["lobby"].told_at -= 1
    await presence.step()
    assert told(first) == [2, 3]


async def test_who_comes_and_goes_between_two_rounds_is_not_told(feed: Feed) -> None:
    """A reload changes no number, and costs no event."""
    presence, first = Presence(feed), await join(feed)
    feed.unsubscribe("lobby", (await join(feed)).subscriber)
    await presence.step()
    assert told(first) == []


async def test_one_who_waits_for_the_history_gets_no_older_number(feed: Feed) -> None:
    """Behind the gate nothing is told before the hello is made; afterwards in order."""
    presence, waiting = Presence(feed), Recorder()
    room = feed.of("lobby").room("lobby")
    room.subscribers.add(waiting.subscriber)
    feed.of("lobby").here.listen("lobby", 1)
    await presence.step()
    hello, *_ = await feed.subscribe("lobby", None, waiting.subscriber)
    await join(feed)
    await presence.step()
    waiting.subscriber.open()
    assert (hello.here, told(waiting)) == (1, [2])


async def test_leaving_twice_is_leaving_once(feed: Feed) -> None:
    """A reader that was never counted takes nobody along."""
    first = await join(feed)
    await join(feed)
    for _ in range(2):
        feed.unsubscribe("lobby", first.subscriber)
    feed.unsubscribe("lobby", Recorder().subscriber)
    feed.unsubscribe("nobody's", first.subscriber)
    assert feed.here("lobby") == 1


async def test_nobody_is_no_key(private_store: PrivateStore, feed: Feed) -> None:
    """A process that nobody listens to writes nothing, and takes back what it wrote."""
    presence = Presence(feed)
    with private_store.client() as client:
        await presence.step()
        assert not client.exists(KEYS.here)
        sink = await join(feed)
        await presence.step()
        assert 0 < client.pttl(KEYS.here) <= 8_000
        feed.unsubscribe("lobby", sink.subscriber)
        await presence.step()
        assert not client.exists(KEYS.here)


async def test_a_stop_leaves_nothing_to_find_out(private_store: PrivateStore, feed: Feed) -> None:
    """What a process wrote goes with its loop, also while somebody listens."""
    presence, stop = Presence(feed), asyncio.Event()
    await join(feed)
    await presence.step()
    with private_store.client() as client:
        assert client.exists(KEYS.here)
        stop.set()
        await presence.run(stop)
        assert not client.exists(KEYS.here)


async def test_a_quiet_process_gives_signs_and_nothing_more(
    private_store: PrivateStore, log: Log
) -> None:
    """Counts are written when they change; a sign of life when the last is two seconds old."""
    here = Here()
    census = Census(log, here)
    here.listen("lobby", 3)
    await census.exchange()
    with private_store.client() as client:
        fields = client.hgetall(KEYS.here)
        (process,) = [name for name in fields if not name.endswith(b":rooms")]
        assert fields[process + b":rooms"] == b'{"lobby":3}'
        client.config_resetstat()
        await census.exchange()
        assert client.hgetall(KEYS.here) == fields
        assert "cmdstat_hset" not in client.info("commandstats")
        old = f"{now_ms(client) - 2_000} 1"
        client.hset(KEYS.here, process, old)
        await census.exchange()
        assert client.hget(KEYS.here, process) > old.encode()


async def test_counts_are_fetched_once(private_store: PrivateStore, log: Log) -> None:
    """The others' counts come again only in another version."""
    here = Here()
    census = Census(log, here)
    with private_store.client() as client:
        signed(client, "other", 0, '{"lobby":2,"left":1}')
        await census.exchange()
        client.hset(KEYS.here, "other:rooms", '{"lobby":7}')
        await census.exchange()
        assert (here.count("lobby"), here.count("left")) == (2, 1)
        signed(client, "other", 0, '{"lobby":7}', version=2)
        await census.exchange()
        assert (here.count("lobby"), here.count("left")) == (7, 0)


async def test_what_is_known_is_not_sent_again(private_store: PrivateStore, log: Log) -> None:
    """A quiet round costs little, however many rooms the others have."""
    census = Census(log, Here())
    with private_store.client() as client:
        rooms = json.dumps({f"room-{number}": 1 for number in range(10_000)})
        signed(client, "other", 0, rooms)
        await census.exchange()
        sent = client.info("stats")["total_net_output_bytes"]
        await census.exchange()
        assert client.info("stats")["total_net_output_bytes"] - sent < len(rooms) / 2


async def test_a_store_that_is_away_is_waited_for(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """The readers of this process are told all the same; the loop hears of it, and backs off."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        feed = Feed(logs)
        (partition,) = feed.partitions
        await partition.step()
        first = await join(feed)
        await join(feed)
        private.kill()
        with pytest.raises(StoreUnavailable):
            await Presence(feed).step()
        assert told(first) == [2]


@pytest.mark.parametrize("rooms", ["{", "[]", '{"lobby":-4}', '{"lobby":"x"}', "{}", "\\xff"])
async def test_what_is_no_count_counts_as_nobody(
    private_store: PrivateStore, log: Log, rooms: str
) -> None:
    """Whatever another program writes there stops no process and changes no number."""
    here = Here()
    here.listen("lobby", 1)
    with private_store.client() as client:
        signed(client, "other", 0, rooms)
        client.hset(KEYS.here, mapping={"odd:rooms": '{"lobby":1}', "odd": "now", "lonely": "1"})
        await Census(log, here).exchange()
        assert here.count("lobby") == 1
        assert b"odd" not in client.hkeys(KEYS.here)


async def test_a_clock_set_back_keeps_no_dead_process(
    private_store: PrivateStore, log: Log
) -> None:
    """A sign of life from a time that has not come yet is none; a live process gives its next."""
    here = Here()
    here.listen("lobby", 1)
    census = Census(log, here)
    await census.exchange()
    with private_store.client() as client:
        (mine,) = [name for name in client.hkeys(KEYS.here) if not name.endswith(b":rooms")]
        signed(client, "dead", -3_600_000, '{"lobby":5}')
        signed(client, mine.decode(), -3_600_000, '{"lobby":1}')
        await census.exchange()
        assert here.count("lobby") == 1
        assert sorted(client.hkeys(KEYS.here)) == [mine, mine + b":rooms"]
        assert _at(client, mine) <= now_ms(client)


async def test_a_full_store_still_tells_who_is_here(private_store: PrivateStore, log: Log) -> None:
    """Posts are refused then, and people want to know whether they are alone with that."""
    here = Here()
    here.listen("lobby", 1)
    with private_store.client() as client:
        client.config_set("maxmemory", 1)
        try:
            await Census(log, here).exchange()
        finally:
            client.config_set("maxmemory", 0)
        assert client.hlen(KEYS.here) == 2


def _at(client: redis.Redis, process: bytes) -> int:
    return int(client.hget(KEYS.here, process).split()[0])
