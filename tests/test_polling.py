"""Long polls: for who has neither streams nor sockets, nothing is missed or doubled either."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from messenger.entries import EntryId
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger, serving
from tests.waiting import wait_until
from web.remembered import LEAST

Run = Callable[..., Messenger]
PATH = "/api/rooms/lobby/messages"


async def poll(messenger: Messenger, after: str, wait: str = "20s", **more: Any) -> dict[str, Any]:
    found = await messenger.page(after=after, wait=wait, **more)
    assert found.keys() == {"now", "cursor", "messages", "erased", "gap"}
    return found


def texts(found: dict[str, Any]) -> list[str]:
    return [message["text"] for message in found["messages"]]


async def erase(messenger: Messenger, posted: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {posted['erase_token']}"}
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204


async def waiting(messenger: Messenger, count: int = 1) -> None:
    """Until so many polls wait."""

    async def are_waiting() -> bool:
        async with messenger.session.get(messenger.url + "/metrics") as response:
            return f"messenger_subscribers {count}.0" in await response.text()

    await wait_until(are_waiting, f"{count} polls wait")


async def test_what_is_there_is_told_at_once(messenger: Messenger) -> None:
    """Messages as on a page, in order; erased ones by their ids; nothing is waited for."""
    first = await messenger.post("first", author="Ann")
    oops = await messenger.post("oops")
    last = await messenger.post("last")
    await erase(messenger, oops)
    found = await poll(messenger, first["id"], "60s")
    assert [message["id"] for message in found["messages"]] == [last["id"]]
    assert found["messages"][0] == (await messenger.page())["messages"][-1]
    assert (found["erased"], found["gap"]) == ([oops["id"]], None)
    assert EntryId.parse(found["cursor"]) > EntryId.parse(last["id"])
    everything = await poll(messenger, "0-0", "60s")
    assert texts(everything) == ["first", "last"]


async def test_a_poll_waits_for_the_first_that_comes(messenger: Messenger) -> None:
    """A message, or an erasure: the answer comes with it, and its cursor goes on right after it."""
    posted = await messenger.post("before")
    cursor = (await messenger.page())["cursor"]
    polling = asyncio.create_task(poll(messenger, cursor))
    await waiting(messenger)
    await messenger.post("elsewhere", room="other")
    came = await messenger.post("came")
    found = await polling
    assert (texts(found), found["cursor"]) == (["came"], came["id"])
    polling = asyncio.create_task(poll(messenger, found["cursor"]))
    await waiting(messenger)
    await erase(messenger, posted)
    found = await polling
    assert (found["messages"], found["erased"]) == ([], [posted["id"]])


async def test_a_chain_of_polls_misses_and_doubles_nothing(messenger: Messenger) -> None:
    """While many post and erase at once, several chains of polls with limits of all sizes give every
    event exactly once, in the log's order."""
    cursor = (await messenger.page())["cursor"]

    async def speak(number: int) -> None:
        posted = await messenger.post(f"{number}")
        if number % 5 == 0:
            await erase(messenger, posted)

    async def follow(limit: int) -> tuple[list[str], list[str]]:
        ids: list[str] = []
        erased: list[str] = []
        after = cursor
        while True:
            found = await poll(messenger, after, limit=limit)
            assert found["gap"] is None
            assert 0 < len(found["messages"]) + len(found["erased"]) <= limit
            ids += [each["id"] for each in found["messages"] if each["text"] != "end"]
            erased += found["erased"]
            after = found["cursor"]
            if "end" in texts(found):
                return ids, erased

    following = [asyncio.create_task(follow(limit)) for limit in (1, 3, 100)]
    for at in range(0, 120, 12):
        await asyncio.gather(*(speak(number) for number in range(at, at + 12)))
    await messenger.post("end")
    page = [m["id"] for m in (await messenger.page(limit=100))["messages"] if m["text"] != "end"]
    for each in following:
        ids, erased = await each
        assert [found for found in ids if found not in erased] == page
        assert len(set(ids)) == len(ids)
        assert len(set(erased)) == len(erased) == 24
        assert ids == sorted(ids, key=EntryId.parse)


async def test_a_quiet_room_s_cursor_moves(messenger: Messenger) -> None:
    """When the time is over the answer is empty, and its cursor is as far as others have spoken."""
    cursor = (await messenger.page())["cursor"]
    elsewhere = await messenger.post("elsewhere", room="other")
    began = time.monotonic()
    found = await poll(messenger, cursor, "300ms")
    assert time.monotonic() - began >= 0.3
    assert (found["messages"], found["erased"], found["gap"]) == ([], [], None)
    assert found["cursor"] == elsewhere["id"]


async def test_no_wait_is_a_look(messenger: Messenger) -> None:
    """0s answers at once, with what there is or with nothing; nobody is counted as here."""
    first = await messenger.post("first")
    async with messenger.stream() as stream:
        await stream.next()
        for _ in range(3):
            assert texts(await poll(messenger, first["id"], "0s")) == []
        await messenger.post("second")
        assert texts(await poll(messenger, first["id"], "0s")) == ["second"]
        assert (await stream.next()).name == "message"


async def test_who_waits_is_here(messenger: Messenger) -> None:
    """Waiting for a room is being in it."""
    async with messenger.stream() as stream:
        await stream.next()
        polling = asyncio.create_task(poll(messenger, (await messenger.page())["cursor"]))
        assert (await stream.until("present")).data["here"] == 2
        await messenger.post("x")
        await polling
        assert (await stream.until("present")).data["here"] == 1


@pytest.mark.usefixtures("little_memory")
async def test_a_limit_ends_the_answer_and_its_cursor(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """At most 100 events an answer, also of what memory let go of; the next poll goes on there."""
    count = LEAST + 250
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        client.hset(KEYS.meta, "epoch", f"{begin - 1}-old")
        for number in range(count):
            add_posted(client, f"{begin + number}-0", f"{number}")
            if number % 3 == 0:
                add_posted(client, f"{begin + number}-1", "elsewhere", room="other")
    messenger = await run_messenger()
    seen: list[str] = []
    after = "0-0"
    while len(seen) < count:
        found = await poll(messenger, after, "0s")
        assert 0 < len(found["messages"]) <= 100
        assert found["gap"] is None
        seen += texts(found)
        after = found["cursor"]
    assert seen == [f"{number}" for number in range(count)]
    assert len((await poll(messenger, "0-0", "0s", limit=7))["messages"]) == 7
    assert len((await poll(messenger, "0-0", "0s", limit=1_000))["messages"]) == 100


async def test_a_cursor_of_another_process_is_waited_for(run_messenger: Run, logs: Logs) -> None:
    """A poll that comes from a process which is ahead is no reset."""
    one, two = await run_messenger(), await run_messenger(with_worker=False)
    for number in range(20):
        posted = await one.post(f"{number}")
        found = await poll(two, posted["id"], "0s")
        assert (found["gap"], found["messages"]) == (None, [])


async def test_a_stop_answers_those_who_wait(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """At once and with nothing; the next process goes on at the cursor."""
    async with serving(private_store.url, settings()) as messenger:
        posted = await messenger.post("seen")
        polling = asyncio.create_task(poll(messenger, posted["id"]))
        await waiting(messenger)
        began = time.monotonic()
        messenger.stop()
        found = await polling
        assert (found["messages"], found["cursor"]) == ([], posted["id"])
        query = {"after": posted["id"], "wait": "20s"}
        late = await messenger.problem("GET", PATH, params=query)
        assert (late["status"], late["code"]) == (503, "stopping")
    assert time.monotonic() - began < 2.0
    async with serving(private_store.url, settings()) as messenger:
        await messenger.post("next")
        assert texts(await poll(messenger, found["cursor"])) == ["next"]


async def test_a_client_that_leaves_is_forgotten_at_once(messenger: Messenger) -> None:
    """Nothing waits for a connection that is gone."""
    cursor = (await messenger.page())["cursor"]
    polling = [asyncio.create_task(poll(messenger, cursor)) for _ in range(3)]
    await waiting(messenger, 3)
    for each in polling:
        each.cancel()
    await waiting(messenger, 0)


async def test_many_wait_for_one_message(messenger: Messenger) -> None:
    """Each gets it, in one answer each."""
    cursor = (await messenger.page())["cursor"]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        many = Messenger(None, messenger.url, session, messenger.stop)
        polling = [asyncio.create_task(poll(many, cursor)) for _ in range(300)]
        await waiting(messenger, 300)
        await messenger.logs.of("lobby").append(Post("lobby", "me", "hello"))
        assert [texts(each) for each in await asyncio.gather(*polling)] == [["hello"]] * 300


async def test_the_wait_is_no_latency(messenger: Messenger) -> None:
    """The figures of how quick pages are answered do not have the time that a poll waited."""
    await poll(messenger, (await messenger.page())["cursor"], "1s")
    async with messenger.session.get(messenger.url + "/metrics") as response:
        figures = await response.text()
    labels = 'le="0.5",method="GET",route="/api/rooms/{room}/messages",status="200"'
    assert f"messenger_http_request_seconds_bucket{{{labels}}} 2.0" in figures


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("wait=1s", "bad-query"),
        ("wait=0s&before=1-1", "bad-query"),
        ("wait=1s&after=1-1&before=1-1", "bad-query"),
        ("wait=61s&after=1-1", "bad-query"),
        ("wait=2m&after=1-1", "bad-query"),
        ("wait=-1s&after=1-1", "bad-query"),
        ("wait=1&after=1-1", "bad-query"),
        ("wait=&after=1-1", "bad-query"),
        ("wait=1e1s&after=1-1", "bad-query"),
        ("wait=%ff&after=1-1", "bad-query"),
        ("wait=999999999d&after=1-1", "bad-query"),
        ("wait=1s&after=1-1&limit=10001", "bad-query"),
        ("wait=1s&after=1-1&limit=0", "bad-query"),
        ("wait=1s&after=abc", "bad-cursor"),
        ("wait=1s&after=", "bad-cursor"),
    ],
)
async def test_a_bad_question_is_refused(messenger: Messenger, query: str, code: str) -> None:
    """At once, with what is allowed."""
    found = await messenger.problem("GET", f"{PATH}?{query}")
    assert (found["status"], found["code"]) == (400, code)
