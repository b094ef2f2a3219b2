"""The pipe: one connection for all callers, each with its own reply, whatever happens to it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest
import redis
import uvloop

from messenger.connection import Store
from messenger.errors import StoreFull, StoreUnavailable
from messenger.log import Logs, Post
from messenger.pipe import _BURST, Pipe
from messenger.replies import Lost, Rejected
from messenger.scripts import Script, load
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.waiting import wait_until


@pytest.fixture
async def pipe(private_store: PrivateStore) -> AsyncIterator[Pipe]:
    made = Pipe(private_store.url)
    yield made
    await made.close()


@pytest.fixture
async def to_own(
    own_store: Callable[..., PrivateStore],
) -> AsyncIterator[Callable[..., tuple[PrivateStore, Pipe]]]:
    """A store that a test may hurt, and a pipe to it."""
    made: list[Pipe] = []

    def make(**given: str) -> tuple[PrivateStore, Pipe]:
        private = own_store(**given)
        made.append(Pipe(private.url))
        return private, made[-1]

    yield make
    for each in made:
        await each.close()


def _script(name: str) -> Script:
    return load("messenger", name, parts=("forget",) if name == "append" else ())


async def test_each_caller_gets_its_own_reply(pipe: Pipe) -> None:
    """Thousands ask at once, in several turns: each gets what it asked for."""

    async def ask(number: int) -> bytes:
        for _ in range(number % 5):
            await asyncio.sleep(0)
        return await pipe.call("ECHO", f"{number}")

    replies = await asyncio.gather(*(ask(number) for number in range(5_000)))
    assert replies == [b"%d" % number for number in range(5_000)]


async def test_all_callers_share_one_connection(private_store: PrivateStore, pipe: Pipe) -> None:
    """However many call at once, also for the first time, the store sees one connection."""
    await asyncio.gather(*(pipe.call("PING") for _ in range(100)))
    with private_store.client() as client:
        names = [each["name"] for each in client.client_list()]
    assert names.count("messenger-pipe") == 1


def test_a_burst_leaves_before_the_turn_is_over(private_store: PrivateStore) -> None:
    """While one turn of the loop goes on making commands, the store works on the first of them: also
    on uvloop, which would keep them."""
    with private_store.client() as client:
        uvloop.run(_burst(private_store.url, client))


async def _burst(url: str, client: redis.Redis) -> None:
    pipe, until = Pipe(url), time.monotonic() + 10
    wire = await pipe.connected()
    replies = [wire.send(("SET", f"{n}", "", "PX", 60_000)) for n in range(_BURST + 1)]
    while client.dbsize() < _BURST and time.monotonic() < until:
        pass  # no turn of the loop ends here
    assert client.dbsize() == _BURST
    await asyncio.gather(*replies)
    await pipe.close()


@pytest.mark.parametrize(
    "value", [b"", b"\x00\r\n\xff", "zwölf Boxkämpfer 🥊", "a" * 1_000_000, 7, 1.5]
)
async def test_any_value_goes_through(pipe: Pipe, value: bytes | str | int | float) -> None:
    """Bytes, texts and numbers of any content and size arrive as they were sent."""
    expected = value if isinstance(value, bytes) else str(value).encode()
    assert await pipe.call("ECHO", value) == expected


async def test_a_killed_connection_is_not_noticed(private_store: PrivateStore, pipe: Pipe) -> None:
    """The connection is killed again and again while many ask: every call is answered, rightly."""
    killed = 0

    async def ask(number: int) -> None:
        nonlocal killed
        for step in range(50):
            text = f"{number}-{step}"
            assert await pipe.call("ECHO", text) == text.encode()
            if step % 10 == number:
                killed += client.client_kill_filter(_type="normal", skipme=True)

    with private_store.client() as client:
        await asyncio.gather(*(ask(number) for number in range(20)))
    assert killed > 10


async def test_a_restarting_store_is_waited_for(
    to_own: Callable[..., tuple[PrivateStore, Pipe]],
) -> None:
    """Calls made while the store is down are answered when it is up again, by what it kept."""
    private, pipe = to_own(durability="always")
    await pipe.call("SET", "kept", "value")
    private.kill()
    calls = [asyncio.create_task(pipe.call("GET", "kept")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(private.start)
    assert await asyncio.gather(*calls) == [b"value"] * 50


async def test_a_store_that_is_not_there_is_said_within_three_seconds(
    to_own: Callable[..., tuple[PrivateStore, Pipe]],
) -> None:
    """All who ask a store that is gone, or never was, are told so in time; when it is back the next
    call works."""
    private, pipe = to_own(durability="always")
    await pipe.call("SET", "kept", "value")
    private.kill()
    nowhere = [Pipe("unix:///nowhere/socket"), Pipe("redis://127.0.0.1:1")]
    began = time.monotonic()
    calls = [each.call("GET", "kept") for each in [*nowhere, *[pipe] * 20]]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert time.monotonic() - began < 3.2
    assert {(type(each), str(each)[:26]) for each in found} == {
        (StoreUnavailable, "the store can't be reached")
    }
    for each in nowhere:
        await each.close()
    await asyncio.to_thread(private.start)
    assert await pipe.call("GET", "kept") == b"value"


async def test_a_silent_store_is_said_within_three_seconds(
    to_own: Callable[..., tuple[PrivateStore, Pipe]],
) -> None:
    """Callers that come one after the other to a frozen store each wait only their own time; when
    it is back the next call works, and no connection of the tries between is left open."""
    private, pipe = to_own()
    await pipe.call("SET", "kept", "value")
    private.freeze()

    async def ask(delay_s: float) -> float:
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await pipe.call("GET", "kept")
        return time.monotonic() - began

    waited = await asyncio.gather(*(ask(number / 5) for number in range(3)))
    assert max(waited) < 3.2
    private.thaw()
    assert await pipe.call("GET", "kept") == b"value"
    with private.client() as client:
        await wait_until(lambda: len(client.client_list()) == 2, "the pipe's own and this one")


async def test_a_single_try_is_never_repeated(private_store: PrivateStore) -> None:
    """A write whose reply was lost is told as lost, and was done once."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        await pipe.call("PING")
        proxy.lose_replies("cut", 1, after=b"INCR")
        with pytest.raises(Lost):
            await pipe.once(("INCR", "count"))
        assert await pipe.call("GET", "count") == b"1"
        await pipe.close()
    with private_store.client() as client:
        client.delete("count")


async def test_a_call_is_repeated_where_its_reply_was_lost(private_store: PrivateStore) -> None:
    """A call that may be done twice is: its caller sees no error."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        await pipe.call("PING")
        proxy.lose_replies("cut", 2, after=b"INCR")
        assert await pipe.call("INCR", "count") == 3
        await pipe.close()
    with private_store.client() as client:
        client.delete("count")


async def test_several_commands_of_one_try_come_in_order(pipe: Pipe) -> None:
    """What is sent together is answered together; an error among them is the caller's."""
    assert await pipe.once(("ECHO", "a"), ("ECHO", "b")) == [b"a", b"b"]
    with pytest.raises(Rejected, match="wrong number"):
        await pipe.once(("ECHO", "a"), ("ECHO",), ("ECHO", "c"))
    assert await pipe.call("ECHO", "d") == b"d"


async def test_a_full_store_is_said(to_own: Callable[..., tuple[PrivateStore, Pipe]]) -> None:
    """A full store refuses writes and says so, answers reads, and takes writes when it has room."""
    private, pipe = to_own()
    async with Store(private.url) as store:
        logs = Logs(store, private.settings)
        await logs.settle()
        await logs.of("lobby").append(Post("lobby", "me", "before"))
        await pipe.call("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(StoreFull):
            await pipe.call("SET", "key", "value")
        with pytest.raises(StoreFull):
            await logs.of("lobby").append(Post("lobby", "me", "refused"))
        assert await pipe.call("XLEN", logs.all[0].keys.log) == 1
        await pipe.call("CONFIG", "SET", "maxmemory", 0)
        await logs.of("lobby").append(Post("lobby", "me", "after"))


@pytest.mark.parametrize("name", ["append", "settle", "erase"])
async def test_forgotten_scripts_are_sent_again(
    private_store: PrivateStore, pipe: Pipe, name: str
) -> None:
    """A store that forgot its scripts is told them again; their callers see nothing of it."""
    script = _script(name)
    with private_store.client() as client:
        for _ in range(2):
            client.script_flush()
            with pytest.raises(Rejected, match=r"Lua|script"):
                await pipe.run(script, [], [])
            assert client.script_exists(script.sha.decode()) == [True]


async def test_posting_goes_on_through_a_script_flush(
    private_store: PrivateStore, logs: Logs
) -> None:
    """Scripts are flushed again and again while many post: every post is accepted, once."""
    with private_store.client() as client:
        for _ in range(5):
            client.script_flush()
            await asyncio.gather(
                *(logs.of("lobby").append(Post("lobby", "me", f"{n}")) for n in range(20))
            )
        assert client.xlen(logs.all[0].keys.log) == 100


@pytest.mark.parametrize("seed", range(3))
async def test_callers_that_give_up_shift_no_reply(pipe: Pipe, seed: int) -> None:
    """Callers are cancelled at any moment, among them the first: all others get their own replies."""
    chance = random.Random(seed)
    wrong: list[str] = []

    async def ask(number: int) -> None:
        reply = await pipe.call("ECHO", f"{number}")
        if reply != f"{number}".encode():
            wrong.append(f"{number} got {reply!r}")

    finished = 0
    for turn in range(30):
        tasks = [asyncio.create_task(ask(turn * 100 + number)) for number in range(100)]
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        for task in chance.sample(tasks, 40):
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        finished += sum(1 for each in found if each is None)
    assert wrong == []
    assert finished >= 30 * 60


async def test_a_cancelled_first_caller_takes_no_connection_from_others(pipe: Pipe) -> None:
    """Who began to connect gives up: the others still get their connection."""
    first = asyncio.create_task(pipe.call("ECHO", "first"))
    others = [asyncio.create_task(pipe.call("ECHO", f"{number}")) for number in range(10)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [b"%d" % number for number in range(10)]
    assert first.cancelled()


async def test_a_closed_pipe_lets_go_of_its_callers(
    private_store: PrivateStore, pipe: Pipe
) -> None:
    """Who still waits when the pipe is closed is told, and the store sees the connection go."""
    waiting = asyncio.create_task(pipe.once(("BLPOP", "never", 0)))
    with private_store.client() as client:
        await wait_until(lambda: client.info("clients")["blocked_clients"], "the call waits")
        await pipe.close()
        with pytest.raises(Lost):
            await waiting
        await wait_until(lambda: not client.info("clients")["blocked_clients"], "it is gone")
