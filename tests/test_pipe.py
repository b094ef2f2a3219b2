"""The pipe: one connection for all callers, each with its own reply, whatever happens to it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest

from messenger import embedded
from messenger.connection import Store
from messenger.errors import StoreFull, StoreUnavailable
from messenger.log import Logs, Post
from messenger.pipe import Lost, Pipe, Rejected
from messenger.scripts import Script, load
from tests.cutting import Cutter
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


@pytest.mark.parametrize(
    "value", [b"", b"\x00\r\n\xff", "zwölf Boxkämpfer 🥊", "a" * 1_000_000, 7, 1.5]
)
async def test_any_value_goes_through(pipe: Pipe, value: bytes | str | int | float) -> None:
    """Bytes, texts and numbers of any content and size arrive as they were sent."""
    expected = value if isinstance(value, bytes) else str(value).encode()
    assert await pipe.call("ECHO", value) == expected


async def test_a_killed_connection_is_not_noticed(private_store: PrivateStore, pipe: Pipe) -> None:
    """The connection is killed again and again while many ask: every call is answered, rightly."""
    done = 0

    async def ask(number: int) -> None:
        nonlocal done
        for step in range(50):
            text = f"{number}-{step}"
            assert await pipe.call("ECHO", text) == text.encode()
        done += 1

    async def kill() -> int:
        killed = 0
        with private_store.client() as client:
            while done < 20:
                killed += client.client_kill_filter(_type="normal", skipme=True)
                await asyncio.sleep(0)
        return killed

    *_, killed = await asyncio.gather(*(ask(number) for number in range(20)), kill())
    assert killed > 3


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


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_a_store_that_is_away_is_said_within_three_seconds(
    to_own: Callable[..., tuple[PrivateStore, Pipe]], how: str
) -> None:
    """A dead store and one that is silent are told to the caller in time; when the store is back
    the next call works."""
    private, pipe = to_own()
    await pipe.call("SET", "kept", "value")
    private.kill() if how == "kill" else private.freeze()
    began = time.monotonic()
    calls = [pipe.call("GET", "kept") for _ in range(20)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in found} == {StoreUnavailable}
    assert time.monotonic() - began < 3.2
    if how == "kill":
        await asyncio.to_thread(private.start)
    else:
        private.thaw()
    assert await pipe.call("GET", "kept") == b"value"


async def test_a_caller_that_joins_a_frozen_store_late_waits_no_longer(
    to_own: Callable[..., tuple[PrivateStore, Pipe]],
) -> None:
    """Callers that come one after the other to a silent store each wait only their own time."""
    private, pipe = to_own()
    await pipe.call("PING")
    private.freeze()

    async def ask(delay_s: float) -> float:
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await pipe.call("PING")
        return time.monotonic() - began

    waited = await asyncio.gather(*(ask(number / 5) for number in range(5)))
    assert max(waited) < 3.2


async def test_a_single_try_is_never_repeated(private_store: PrivateStore) -> None:
    """A write whose reply was lost is told as lost, and was done once."""
    async with Cutter(private_store) as cutter:
        pipe = Pipe(cutter.url)
        await pipe.call("PING")
        cutter.cut_replies(1, after=b"INCR")
        with pytest.raises(Lost):
            await pipe.once(("INCR", "count"))
        assert await pipe.call("GET", "count") == b"1"
        await pipe.close()
    with private_store.client() as client:
        client.delete("count")


async def test_a_call_is_repeated_where_its_reply_was_lost(private_store: PrivateStore) -> None:
    """A call that may be done twice is: its caller sees no error."""
    async with Cutter(private_store) as cutter:
        pipe = Pipe(cutter.url)
        await pipe.call("PING")
        cutter.cut_replies(2, after=b"INCR")
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
            with pytest.raises(Rejected, match="Lua|script"):
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


@pytest.mark.parametrize("user", ["", "default"])
async def test_a_password_of_the_url_opens_the_store(
    own_store: Callable[..., PrivateStore], user: str
) -> None:
    """A store with a password is opened by its URL, for calls and for the rest."""
    private = own_store()
    path = embedded.socket_path(private.data_dir)
    with private.client() as client:
        client.config_set("requirepass", "secret")
        async with Store(f"unix://{user}:secret@{path}") as store:
            assert await store.pipe.call("ECHO", "hello") == b"hello"
            assert await store.client.ping()


@pytest.mark.parametrize("credentials", ["", ":wrong@", "nobody:secret@"])
async def test_a_wrong_password_is_a_store_that_refuses(
    own_store: Callable[..., PrivateStore], credentials: str
) -> None:
    """A missing or wrong password is told as such, and at once: trying again would not help."""
    private = own_store()
    path = embedded.socket_path(private.data_dir)
    with private.client() as client:
        client.config_set("requirepass", "secret")
        pipe = Pipe(f"unix://{credentials}{path}")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"refuses|password"):
            await pipe.call("GET", "key")
        assert time.monotonic() - began < 1.0
        await pipe.close()


async def test_a_database_of_the_url_is_used(private_store: PrivateStore) -> None:
    """The URL's database is selected on the pipe, and again on each new connection."""
    pipe = Pipe(private_store.url + "?db=3")
    with private_store.client() as client:
        for _ in range(2):
            await pipe.call("SET", "key", "value", "PX", 60_000)
            assert not client.exists("key")
            assert await pipe.call("EXISTS", "key") == 1
            client.client_kill_filter(_type="normal", skipme=True)
    await pipe.close()


@pytest.mark.parametrize(
    "url", ["unix:///nowhere/socket", "redis://127.0.0.1:1", "redis://no-such-host.invalid:6379"]
)
async def test_a_store_that_is_not_there_is_said(url: str) -> None:
    """Nothing at the address: the caller is told within its patience."""
    pipe = Pipe(url)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        await pipe.call("PING")
    assert time.monotonic() - began < 3.2
    await pipe.close()


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
