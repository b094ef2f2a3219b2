"""The long-lived processes, as operators run, stop and kill them."""

import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import redis

from messenger import embedded
from messenger.keys import Keys
from tests.commands import UNLIMITED, Commands, Running, kill
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.waiting import wait_until


@pytest.fixture
async def commands() -> AsyncIterator[Commands]:
    """Commands on a data folder of their own, where no store runs yet."""
    async with Commands(MESSENGER_PORT="0", **UNLIMITED) as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def _address(running: Running) -> str:
    """The URL on the one line that a process prints when it serves."""
    line = await running.line()
    assert line.startswith("Messenger is on http://127.0.0.1:"), line
    return line.removeprefix("Messenger is on ")


async def _post(session: aiohttp.ClientSession, address: str, text: str) -> dict[str, Any]:
    path = f"{address}/api/rooms/lobby/messages"
    async with session.post(path, json={"text": text}) as response:
        found: dict[str, Any] = await response.json(content_type=None)
        assert response.status == 201, found
        return found


async def _texts(session: aiohttp.ClientSession, address: str) -> list[str]:
    async with session.get(f"{address}/api/rooms/lobby/messages") as response:
        assert response.status == 200
        return [message["text"] for message in (await response.json())["messages"]]


async def _listed(commands: Commands, *words: str) -> bool:
    """Whether `messenger list`, which reads the projector's view, prints these words last."""
    done = await commands.run("list", "lobby")
    lines = done.out.splitlines()
    return [line.split(": ", 1)[1] for line in lines] == list(words)


async def test_up_serves_and_commands_find_it(
    commands: Commands, session: aiohttp.ClientSession
) -> None:
    """`messenger up` prints where it is and serves; commands beside it find its store through the
    data folder, and see what browsers see."""
    up = await commands.start("up")
    address = await _address(up)
    await _post(session, address, "from the web")
    assert (await commands.run("post", "lobby", "from the shell")).code == 0

    async def both_are_there() -> bool:
        both = ["from the web", "from the shell"]
        return await _texts(session, address) == both and await _listed(commands, *both)

    await wait_until(both_are_there, "both are on the page and in the list")
    assert (await commands.run("doctor")).code == 0


async def test_a_stop_is_quick_and_leaves_nothing(
    commands: Commands, session: aiohttp.ClientSession
) -> None:
    """A stop ends with 0 within seconds, also with a reader at its stream; no server is left."""
    up = await commands.start("up")
    address = await _address(up)
    await _post(session, address, "kept")
    assert len(commands.servers()) == 1
    async with session.get(f"{address}/api/rooms/lobby/events") as stream:
        await stream.content.readline()
        assert await up.end(signal.SIGTERM) == 0
        assert b"event: farewell" in await stream.content.read()
    assert commands.servers() == []
    assert "Traceback" not in up.errors()
    assert "kept" not in up.errors()


async def test_a_second_up_says_who_has_the_folder(
    commands: Commands, session: aiohttp.ClientSession
) -> None:
    """A second `up` on a folder that is in use ends with 2 and names the process; the first serves
    on."""
    up = await commands.start("up")
    address = await _address(up)
    second = await commands.run("up")
    assert (second.code, second.out) == (2, "")
    assert f"process {up.pid};" in second.one_line()
    await _post(session, address, "still here")


async def test_a_killed_up_loses_nothing_and_starts_again(
    commands: Commands, session: aiohttp.ClientSession
) -> None:
    """`up` is killed with -9 right after it accepted posts: the next one has them all, in order, and
    goes on."""
    up = await commands.start("up")
    address = await _address(up)
    texts = [f"accepted {number}" for number in range(20)]
    for text in texts:
        await _post(session, address, text)
    await up.end(signal.SIGKILL)
    address = await _address(await commands.start("up"))
    assert await _texts(session, address) == texts
    await _post(session, address, "after")

    async def is_projected() -> bool:
        return await _listed(commands, *texts, "after")

    await wait_until(is_projected, "the view has all of them once")


async def test_a_killed_store_comes_back_by_itself(
    commands: Commands, session: aiohttp.ClientSession
) -> None:
    """The store of a running `up` is killed with -9: posting goes on after a moment without a word
    from anybody, and what was accepted before is there."""
    up = await commands.start("up")
    address = await _address(up)
    await _post(session, address, "before")
    (server,) = commands.servers()
    kill(server)
    await _post(session, address, "after")

    async def all_is_there() -> bool:
        return await _texts(session, address) == ["before", "after"] and await _listed(
            commands, "before", "after"
        )

    await wait_until(all_is_there, "both messages are on the page and in the view")
    assert commands.servers() != [server]
    assert up.is_alive
    assert await up.end() == 0


def _is_rewritten(commands: Commands) -> bool:
    path = str(embedded.socket_path(commands.data_dir))
    with redis.Redis(unix_socket_path=path, legacy_responses=False) as client:
        found = client.info("persistence")
    return bool(found["aof_rewrites"] and not found["aof_rewrite_in_progress"])


async def test_a_store_that_can_not_come_back_ends_up(commands: Commands) -> None:
    """Where the store's files are broken `up` ends with 2 and says so; it does not run on without."""
    up = await commands.start("up")
    await _address(up)
    await wait_until(lambda: _is_rewritten(commands), "its first rewrite is over")
    manifest = commands.data_dir / "store" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("this is no manifest\n")
    kill(commands.servers()[0])
    assert await up.ended() == 2
    assert "the embedded store" in up.errors().splitlines()[-1]


async def test_web_and_worker_work_apart_on_one_store(
    own_store: Callable[..., PrivateStore], session: aiohttp.ClientSession
) -> None:
    """Apart, on a store of somebody else's, the web process serves and the worker projects; each
    ends by itself and leaves the store alone."""
    private = own_store()
    async with Commands(MESSENGER_STORE_URL=private.url, MESSENGER_PORT="0") as commands:
        web = await commands.start("web")
        address = await _address(web)
        await _post(session, address, "before the worker")
        with private.client() as client:
            assert client.xpending(KEYS.log, "projector")["pending"] == 0
            worker = await commands.start("worker")
            await _post(session, address, "beside the worker")
            both = ["before the worker", "beside the worker"]
            assert await _texts(session, address) == both

            async def is_projected() -> bool:
                return await _listed(commands, *both)

            await wait_until(is_projected, "both are in the view")
            assert client.hget(KEYS.meta, "projected") == b"2"
            assert await worker.end() == 0
            assert await web.end() == 0
            assert client.ping()


async def test_two_workers_count_each_message_once(
    own_store: Callable[..., PrivateStore], session: aiohttp.ClientSession
) -> None:
    """One of two workers is killed with -9 in the middle: each message is in the view, once."""
    private = own_store()
    async with Commands(
        MESSENGER_STORE_URL=private.url,
        MESSENGER_PORT="0",
        **UNLIMITED,
    ) as commands:
        address = await _address(await commands.start("web"))
        workers = [await commands.start("worker") for _ in range(2)]
        texts = [f"{number}" for number in range(60)]
        for text in texts:
            await _post(session, address, text)
            if text == "30":
                await workers[0].end(signal.SIGKILL)
        with private.client() as client:
            await wait_until(lambda: client.hget(KEYS.meta, "projected") == b"60", "all counted")
            counted = sum(
                int(client.hget(key, "posted")) for key in client.scan_iter(match="*:minute:*")
            )
        assert counted == 60


async def test_a_taken_port_is_said_in_a_line(
    commands: Commands, own_store: Callable[..., PrivateStore]
) -> None:
    """A port that is in use ends the start with 2 and one line that names the setting; no store is
    left running."""
    private = own_store()
    holder = await commands.start("web", "--store-url", private.url)
    port = (await _address(holder)).rpartition(":")[2]
    done = await commands.run("up", "--port", port)
    assert (done.code, done.out) == (2, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("messenger: MESSENGER_HOST and MESSENGER_PORT are")
    assert port in last
    assert "Traceback" not in done.err
    assert commands.servers() == []


@pytest.mark.parametrize("command", ["up", "worker"])
async def test_a_loop_that_crashes_ends_the_process(
    commands: Commands, own_store: Callable[..., PrivateStore], command: str
) -> None:
    """No loop dies behind a process that looks well: it ends, with another code than 0, and shows
    where."""
    private = own_store()
    running = await commands.start(command, "--store-url", private.url)
    with private.client() as client:
        await wait_until(lambda: client.exists(KEYS.log), "it works on the store")
        client.set(Keys(0).rooms, "not what it should be")
        fields = {"type": "message.posted", "author": "raw", "text": "the secret word"}
        client.xadd(KEYS.log, {**fields, "room": "lobby", "ttl": "900000"})
    assert await running.ended() not in (0, 2, 3)
    assert "Traceback" in running.errors()
    assert "WRONGTYPE" in running.errors()
    assert "the secret word" not in running.errors()


async def test_the_store_s_partition_count_holds(
    commands: Commands, own_store: Callable[..., PrivateStore]
) -> None:
    """A store that was set up with one partition is served with one, whatever is set; who has set more
    is told how to get them."""
    private = own_store()
    web = await commands.start("web", "--store-url", private.url)
    await _address(web)
    other = await commands.start(
        "web", "--store-url", private.url, "--partitions", "2", "--port", "0"
    )
    await _address(other)
    assert "`messenger repartition` makes more of them" in other.errors()
