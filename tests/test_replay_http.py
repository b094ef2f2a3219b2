"""GET /api/replay: for operators only, whole or with the reason, and no reader harms another."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import redis

import web.replay
from messenger import replay
from tests.past import fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import now_ms
from tests.serving import Messenger
from tests.waiting import wait_until

TOKEN = "t" * 32
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in response.content:
        assert line.endswith(b"\n")
        yield json.loads(line)


async def replayed(messenger: Messenger, **query: str) -> list[dict[str, Any]]:
    path = f"{messenger.url}/api/replay"
    async with messenger.session.get(path, params=query, headers=OPERATOR) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/x-ndjson"
        assert response.headers["Cache-Control"] == "no-store, no-transform"
        return [line async for line in lines(response)]


def filled(private_store: PrivateStore, count: int, **fields: str) -> list[str]:
    with private_store.client() as client:
        ids = list(ids_of_late(client, count))
        fill(client, ids, **fields)
    return ids


async def test_it_is_the_log_and_says_that_it_is_whole(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """The same lines as of the command, and a last one that says: this was all."""
    ids = filled(private_store, 2_300)
    posted = await messenger.post("last", room="other")
    *found, end = await replayed(messenger)
    assert [line["id"] for line in found] == [*ids, posted["id"]]
    assert {"type": "message.posted", **found[-1]} == found[-1]
    assert {name: posted[name] for name in found[-1] if name != "type"}.items() <= posted.items()
    assert end == {
        "type": "replay.ended",
        "reason": "whole",
        "position": posted["id"],
        "until": end["until"],
        "entries": 2_301,
        "expired": 0,
    }
    part = await replayed(messenger, since=ids[3], until=ids[9], room="lobby", speed="1000x")
    assert [line.get("id") for line in part] == [*ids[4:10], None]
    assert part[-1]["until"] == ids[9]


async def test_only_an_operator_may_read_all_rooms(
    messenger: Messenger, run_messenger: Callable[..., Any]
) -> None:
    """Without the token, with another or an author's, and where none is set, the answer is the same."""
    posted = await messenger.post("mine")
    without = await run_messenger()
    tried: list[tuple[Messenger, dict[str, str]]] = [
        (messenger, {}),
        (messenger, {"Authorization": "Bearer " + "u" * 32}),
        (messenger, {"Authorization": f"Bearer {posted['erase_token']}"}),
        (messenger, {"Authorization": f"Basic {TOKEN}"}),
        (messenger, {"Authorization": "Bearer ü"}),
        (without, {}),
        (without, OPERATOR),
        (without, {"Authorization": "Bearer None"}),
    ]
    for asked, headers in tried:
        found = await asked.problem("GET", "/api/replay", headers=headers)
        assert (found["status"], found["code"]) == (401, "not-allowed")
        assert found["headers"]["WWW-Authenticate"].startswith("Bearer")
        assert found["detail"] == (await messenger.problem("GET", "/api/replay"))["detail"]


WRONG = (
    {"since": "yesterday"},
    {"since": ""},
    {"since": "now"},
    {"until": "window"},
    {"until": "99999999999999999999-0"},
    {"since": "5m", "until": "10m"},
    {"room": "a/b"},
    {"room": ""},
    {"speed": "fast"},
    {"speed": "-1x"},
    {"speed": "1e9x"},
    {"speed": ""},
)


async def test_a_wrong_query_is_refused(messenger: Messenger) -> None:
    """What is not allowed is said before anything is sent, with the name of it and what is."""
    for query in WRONG:
        found = await messenger.problem("GET", "/api/replay", params=query, headers=OPERATOR)
        assert (found["status"], found["code"]) == (400, "bad-query"), query
        assert any(name in found["detail"] for name in query)


async def test_it_is_not_there_for_head(messenger: Messenger) -> None:
    """HEAD would do all the work unseen."""
    path = f"{messenger.url}/api/replay"
    async with messenger.session.head(path, headers=OPERATOR) as response:
        assert response.status == 405


async def test_nothing_that_expires_meanwhile_is_sent(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A message that lived when a slow replay began, and is over when its turn comes, is not sent."""
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        fill(client, [f"{begin}-0"], ttl="3600000")
        fill(client, [f"{begin + 500}-0"], ttl="59900")
        fill(client, [f"{begin + 600}-0"], ttl="3600000")
    *found, end = await replayed(messenger, speed="1x", until=f"{begin + 700}-0")
    assert [line["id"] for line in found] == [f"{begin}-0", f"{begin + 600}-0"]
    assert (end["reason"], end["entries"]) == ("whole", 2)


async def test_a_wait_is_told(
    private_store: PrivateStore, messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing is due a line says where it is, so that no proxy takes it for dead."""
    monkeypatch.setattr(web.replay, "_WAITING_EVERY_S", 0.2)
    with private_store.client() as client:
        begin = now_ms(client) - 60_000
        fill(client, [f"{begin}-0", f"{begin + 700}-0"], ttl="3600000")
    found = await replayed(messenger, speed="1x", until=f"{begin + 700}-0")
    assert found[1] == {"type": "replay.waiting", "position": f"{begin}-0"}
    assert [line["type"] for line in found if line["type"] != "replay.waiting"] == [
        "message.posted",
        "message.posted",
        "replay.ended",
    ]


async def test_a_stop_ends_it_and_it_goes_on_elsewhere(
    private_store: PrivateStore, messenger: Messenger, run_messenger: Callable[..., Any]
) -> None:
    """The process stops in the middle: the last line says so, and from its position and up to its end
    the next process gives the rest."""
    ids = filled(private_store, 2_000)
    path = f"{messenger.url}/api/replay"
    query = {"speed": "10x", "until": ids[-1]}
    async with messenger.session.get(path, params=query, headers=OPERATOR) as response:
        reading = lines(response)
        found = [await anext(reading)]
        messenger.stop()
        found += [line async for line in reading]
    end = found.pop()
    assert (end["reason"], end["position"]) == ("restart", found[-1]["id"])
    assert 0 < end["entries"] == len(found) < len(ids)
    another = await run_messenger(admin_token=TOKEN)
    *rest, last = await replayed(another, since=end["position"], until=end["until"])
    assert [line["id"] for line in found + rest] == ids
    assert last["reason"] == "whole"


def running(client: redis.Redis) -> int:
    """How many replays read from the store: the last that each asks is the epoch."""
    return sum(each["cmd"] == "hget" for each in client.client_list())


async def test_a_reader_that_leaves_ends_it(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """When its reader has gone a replay does not go on: its connection to the store is closed."""
    filled(private_store, 2_000)
    with private_store.client() as client:
        path = f"{messenger.url}/api/replay?speed=1x"
        async with messenger.session.get(path, headers=OPERATOR) as response:
            await response.content.readline()
            await wait_until(lambda: running(client) == 1, "the replay runs")
            response.close()
        await wait_until(lambda: not running(client), "the replay has ended")


async def test_a_reader_that_does_not_read_is_cut(
    private_store: PrivateStore, messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that takes nothing makes the replay wait, and not grow; it is cut after a time, without
    the line that says that it is whole. Others are served meanwhile."""
    monkeypatch.setattr(web.replay, "_TAKE_S", 0.5)
    filled(private_store, 30_000, author="x" * 300)
    given: list[int] = []
    write, cut = web.replay._Body.write, asyncio.Event()

    async def counted(self: Any, entries: Any) -> int:
        given.append(len(entries))
        try:
            return await write(self, entries)
        except TimeoutError:
            cut.set()
            raise

    monkeypatch.setattr(web.replay._Body, "write", counted)
    host, port = messenger.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**16)
    writer.write(
        f"GET /api/replay HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    await wait_until(lambda: given, "it has begun")
    await messenger.post("others are served")
    await wait_until(cut.is_set, "it was cut")
    with private_store.client() as client:
        await wait_until(lambda: not running(client), "the replay has ended")
    assert sum(given) < 15_000
    rest = b""
    with contextlib.suppress(ConnectionError):
        rest = await reader.read()
    assert b"replay.ended" not in rest
    writer.close()


async def test_a_store_that_stays_away_ends_it_with_the_reason(
    own_store: Callable[..., PrivateStore],
    run_messenger: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store goes in the middle: the last line says so; asked then, the answer is 503."""
    monkeypatch.setattr(replay, "PATIENCE_S", 0.3)
    monkeypatch.setattr("messenger.pipe.PATIENCE_S", 0.3)
    private = own_store()
    messenger = await run_messenger(on=private, admin_token=TOKEN)
    ids = filled(private, 4_000)
    path = f"{messenger.url}/api/replay"
    async with messenger.session.get(path, params={"speed": "200x"}, headers=OPERATOR) as response:
        reading = lines(response)
        found = [await anext(reading)]
        private.kill()
        found += [line async for line in reading]
    end = found.pop()
    assert (end["reason"], end["position"]) == ("store-unavailable", found[-1]["id"])
    assert [line["id"] for line in found] == ids[: len(found)]
    found = await messenger.problem("GET", "/api/replay", headers=OPERATOR)
    assert (found["status"], found["code"]) == (503, "store-unavailable")
    private.start()
