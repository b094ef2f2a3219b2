"""A store that is nearly full goes on taking posts: the oldest messages are cut before their time, and
everyone is told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from consumers.cutter import HIGH, LOW, Cutter
from consumers.memory import Memory, read_memory
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Logs
from messenger.settings import Settings
from tests.damages import verified
from tests.past import AN_HOUR, begin_earlier, fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger, serving
from tests.test_full_or_down import health
from tests.waiting import wait_until

PATH = "/api/rooms/lobby/messages"
TEXT = "x" * 1_500
MESSAGES = 3_000


def filled(private: PrivateStore, partition: int = 0) -> list[str]:
    """Large messages of the last half minute; their ids."""
    with private.client() as client:
        begin_earlier(client)
        begin = now_ms(client) - 30_000
        ids = [f"{begin + 7 * at}-0" for at in range(MESSAGES)]
        fill(client, ids, partition, text=TEXT)
    return ids


def limit(private: PrivateStore, share: float) -> int:
    """Sets the store's limit so that this share of it is used; the limit."""
    with private.client() as client:
        info = client.info("memory")
        most = int((info["used_memory"] - info["mem_not_counted_for_evict"]) / share)
        client.config_set("maxmemory", str(most))
    return most


@pytest.fixture
def private(own_store: Callable[..., PrivateStore]) -> PrivateStore:
    return own_store()


@pytest.fixture
async def its_logs(private: PrivateStore, settings: Callable[..., Settings]) -> AsyncIterator[Logs]:
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        yield logs


async def until_done(cutter: Cutter) -> int:
    """How many entries went until it had nothing to do any more."""
    gone = await cutter.step() + await cutter.step()
    while cutter.is_cutting:
        gone += await cutter.step()
    return gone


async def test_it_cuts_from_the_high_mark_to_the_low_one(
    private: PrivateStore, its_logs: Logs, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing below the high mark; past it the oldest, no more than are needed, and then nothing until
    it is reached again. The log has a warning with the number, and no text."""
    ids, cutter = filled(private), Cutter(its_logs)
    limit(private, HIGH - 0.04)
    assert await until_done(cutter) == 0
    limit(private, HIGH + 0.02)
    gone = await until_done(cutter)
    memory = await read_memory(its_logs.store)
    assert LOW - 0.03 < memory.used / memory.limit <= LOW
    assert 0 < gone < MESSAGES // 4
    assert await until_done(cutter) == 0
    with private.client() as client:
        assert [entry.decode() for entry, _ in client.xrange(KEYS.log)] == ids[gone:]
        assert client.hget(KEYS.meta, "trimmed_to").decode() == ids[gone - 1]
    (line,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert f"{gone} entries were cut" in line.getMessage()
    assert TEXT not in line.getMessage()


async def test_a_moment_s_peak_cuts_nothing(private: PrivateStore, its_logs: Logs) -> None:
    """A large reply takes the store's memory too, and gives it back: one look above the mark is none."""
    filled(private)
    cutter = Cutter(its_logs)
    for share in (HIGH + 0.05, 0.5, HIGH + 0.05, 0.5):
        limit(private, share)
        assert await cutter.step() == 0


async def test_the_oldest_of_all_partitions_go(
    private: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Several logs are cut to about the same moment."""
    async with Store(private.url) as store:
        logs = Logs(store, settings(partitions="3"))
        await logs.settle()
        for partition in range(3):
            filled(private, partition)
        limit(private, HIGH + 0.05)
        assert await until_done(Cutter(logs)) > 30
        with private.client() as client:
            begins = [
                int(client.xrange(log.keys.log, count=1)[0][0].split(b"-")[0]) for log in logs.all
            ]
    assert max(begins) - min(begins) < 5_000


async def test_what_is_not_ours_is_not_paid_for_with_messages(
    private: PrivateStore, its_logs: Logs, caplog: pytest.LogCaptureFixture
) -> None:
    """Where something else fills the store, to cut would not help: nothing is cut, and it is said,
    once."""
    with private.client() as client:
        client.set("another program's", b"x" * 90_000_000, px=AN_HOUR)
    filled(private)
    cutter = Cutter(its_logs)
    limit(private, 1.05)
    for _ in range(3):
        assert await cutter.step() == 0
    with private.client() as client:
        assert client.xlen(KEYS.log) == MESSAGES
        (line,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert "not of messages" in line.getMessage()
        # Once the other thing is gone the messages are what fills it.
        client.delete("another program's")
    limit(private, HIGH + 0.02)
    assert await until_done(cutter) > 0


async def test_a_limit_that_is_absurd_takes_no_message(
    private: PrivateStore, its_logs: Logs
) -> None:
    """A limit below what the empty store needs refuses posts, and cuts nothing."""
    filled(private)
    with private.client() as client:
        client.config_set("maxmemory", "100kb")
        assert await until_done(Cutter(its_logs)) == 0
        assert client.xlen(KEYS.log) == MESSAGES


@pytest.mark.parametrize(
    ("used", "most", "is_full", "exceeds"),
    [
        (10, 0, False, False),
        (95, 100, False, True),
        (100, 100, False, True),
        (101, 100, True, True),
    ],
)
def test_how_full(used: int, most: int, is_full: bool, exceeds: bool) -> None:
    """No limit is never reached; one that is just reached is not passed."""
    memory = Memory(used, most)
    assert (memory.is_full, memory.exceeds(HIGH)) == (is_full, exceeds)


@pytest.fixture
async def messenger(
    private: PrivateStore, its_logs: Logs, settings: Callable[..., Settings]
) -> AsyncIterator[Messenger]:
    """On a store with messages of the last half minute."""
    filled(private)
    async with serving(private.url, settings()) as running:
        yield running


async def is_projected(messenger: Messenger) -> bool:
    async with messenger.session.get(messenger.url + "/metrics") as response:
        return f'messenger_projected_total{{partition="0"}} {MESSAGES}.0' in await response.text()


async def figure(messenger: Messenger, name: str) -> float:
    async with messenger.session.get(messenger.url + "/metrics") as response:
        (line,) = [each for each in (await response.text()).splitlines() if each.startswith(name)]
    return float(line.split()[-1])


async def test_posting_goes_on_and_everyone_is_told(
    private: PrivateStore, messenger: Messenger, its_logs: Logs
) -> None:
    """Live readers and those who come back are told `trimmed`; what was cut is on no page, in no view
    and in no replay, and asked for by its id it is gone; figures and readiness say so."""
    with private.client() as client:
        first = client.xrange(KEYS.log, count=1)[0][0].decode()
    await wait_until(lambda: is_projected(messenger), "the view has all")
    async with messenger.stream() as stream:
        await stream.next()
        limit(private, HIGH + 0.02)
        gap = await stream.until("gap")
        posted = await messenger.post("goes on")
        assert (await stream.until("message")).id == posted["id"]
    assert (gap.data["reason"], gap.data["after"]) == ("trimmed", "0-0")

    async def at_rest() -> bool:
        memory = await read_memory(its_logs.store)
        return not memory.exceeds(LOW)

    await wait_until(at_rest, "it is cut to the low mark")
    with private.client() as client:
        cut_to = client.hget(KEYS.meta, "trimmed_to").decode()
        left = client.xlen(KEYS.log)
        await wait_until(lambda: client.zcard(KEYS.room("lobby")) == left, "the view has no more")
    async with messenger.stream(last_id=first) as stream:
        gap = await stream.until("gap")
        assert (gap.data["reason"], gap.data["until"]) == ("trimmed", cut_to)
    await wait_until(lambda: is_shown(messenger, left), "the pages have what is left")
    gone = await messenger.problem("GET", f"{PATH}/{cut_to}")
    assert (gone["status"], gone["code"]) == (410, "message-trimmed")
    never = await messenger.problem("GET", f"{PATH}/{posted['created_at'] + 1}-0")
    assert never["code"] == "message-not-found"
    assert await figure(messenger, "messenger_trimmed_total") == MESSAGES + 1 - left
    status, found = await health(messenger)
    assert (status, found["status"]) == (200, "degraded")
    assert "cut before their time" in " ".join(found["problems"])
    assert await verified(its_logs) == []


async def is_shown(messenger: Messenger, count: int) -> bool:
    """Whether the pages, read from the newest to the oldest, have so many messages."""
    found, before = 0, {}
    while page := (await messenger.page(limit=100, **before))["messages"]:
        found, before = found + len(page), {"before": page[0]["id"]}
    return found == count


async def test_a_flood_is_taken(private: PrivateStore, messenger: Messenger) -> None:
    """Posted again and again to a store that is full: whoever is refused for a moment is taken by the
    next cut, the limit holds, and at the end the newest are there."""
    most = limit(private, HIGH + 0.02)
    stop = asyncio.Event()
    accepted: list[str] = []

    async def post() -> None:
        while not stop.is_set():
            request = {"json": {"text": TEXT}, "timeout": aiohttp.ClientTimeout(10)}
            async with messenger.session.post(messenger.url + PATH, **request) as response:
                assert response.status in (201, 503)
                if response.status == 201:
                    accepted.append((await response.json())["id"])

    async with asyncio.TaskGroup() as writers:
        for _ in range(8):
            writers.create_task(post())
        with private.client() as client:

            async def has_cut_twice() -> bool:
                assert client.info("memory")["used_memory"] < most * 1.1
                return int(client.hget(KEYS.meta, "trimmed") or 0) > MESSAGES // 5

            await wait_until(has_cut_twice, "it was cut twice", seconds=30)
            before = len(accepted)
            await wait_until(lambda: len(accepted) > before + 50, "posting goes on")
            stop.set()
    newest = (await messenger.page(limit=1))["messages"]
    assert newest[0]["id"] == max(accepted, key=EntryId.parse)


async def test_a_store_without_a_limit_is_never_cut(its_logs: Logs, private: PrivateStore) -> None:
    """However much is in it."""
    filled(private)
    assert await until_done(Cutter(its_logs)) == 0
