"""What docs/operations.md says of upgrades and back-ups holds: nothing that was accepted is lost."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from messenger import embedded
from messenger.entries import EntryId
from messenger.log import Logs
from tests.commands import UNLIMITED, Commands, Running
from tests.installed import installed
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.streams import Stream
from tests.users import url_as
from tests.waiting import wait_until


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def _address(running: Running) -> str:
    return (await running.line()).removeprefix("Messenger is on ")


async def _post(session: aiohttp.ClientSession, addresses: list[str], text: str) -> str:
    """Posts as a careful client does: with a key, to whoever answers, until it is accepted."""
    path, headers = "/api/rooms/lobby/messages", {"Idempotency-Key": f"key-{text}"}
    while True:
        for address in tuple(addresses):
            try:
                async with session.post(
                    address + path, json={"text": text}, headers=headers
                ) as response:
                    if response.status == 201:
                        return str((await response.json())["id"])
            except aiohttp.ClientError:
                continue
        await asyncio.sleep(0.01)


async def test_everything_is_replaced_and_nothing_lost(
    own_store: Callable[..., PrivateStore], session: aiohttp.ClientSession
) -> None:
    """Workers first, then the web processes one after the other, the store last, while somebody posts:
    whoever follows gets each accepted message, once and in order."""
    private = own_store()
    web, worker = url_as(private.url, "web"), url_as(private.url, "worker")
    async with Commands(MESSENGER_PORT="0", **UNLIMITED) as commands:
        old_worker = await commands.start("worker", MESSENGER_STORE_URL=worker)
        old_web = await commands.start("web", MESSENGER_STORE_URL=web)
        addresses = [await _address(old_web)]
        accepted: list[str] = []

        async def post() -> None:
            while True:
                accepted.append(await _post(session, addresses, f"{len(accepted)}"))

        async def some_more() -> None:
            wanted = len(accepted) + 20
            await wait_until(lambda: len(accepted) >= wanted, "more is accepted")

        posting = asyncio.create_task(post())
        await some_more()
        new_worker = await commands.start("worker", MESSENGER_STORE_URL=worker)
        await wait_until(lambda: "working on" in new_worker.errors(), "the new worker works")
        assert await old_worker.end() == 0
        new_web = await commands.start("web", MESSENGER_STORE_URL=web)
        addresses.append(await _address(new_web))
        async with session.get(f"{addresses[0]}/api/rooms/lobby/events?after=0-0") as response:
            stream = Stream(response)
            await stream.messages(5)
            assert await old_web.end() == 0
            await stream.rest()
        addresses.pop(0)
        await some_more()
        private.kill()
        private.start()
        await some_more()
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        url = f"{addresses[0]}/api/rooms/lobby/events?after={stream.last_id}"
        async with session.get(url) as response:
            resumed = Stream(response)
            assert (await resumed.next()).name == "hello"
            following = [
                await resumed.next() for _ in accepted[accepted.index(stream.last_id) + 1 :]
            ]
        assert [event.name for event in following] == ["message"] * len(following)
        assert [event.id for event in following] == accepted[accepted.index(stream.last_id) + 1 :]
        with private.client() as client:
            ids = [entry_id.decode() for entry_id, _ in client.xrange(KEYS.log)]
            assert ids[: len(accepted)] == accepted
            assert len(ids) <= len(accepted) + 1  # one may be on its way when we stop
            await wait_until(
                lambda: client.hget(KEYS.meta, "projected") == b"%d" % len(ids), "view"
            )


async def test_a_store_moves_from_redis_to_valkey() -> None:
    """A Redis 7.0 is replaced by the Valkey of today on its files: its messages and users are there."""
    old = PrivateStore(Path(installed("redis-server")))
    try:
        old.start()
        async with Commands(MESSENGER_STORE_URL=url_as(old.url, "up")) as commands:
            up = await commands.start("up", "--port", "0")
            await up.line()
            posted = (await commands.run("post", "lobby", "hello")).out.strip()
            await up.end()
            old.kill()
            old._server = embedded.find_server()
            old.start()
            up = await commands.start("up", "--port", "0")
            await up.line()
            got = await commands.run("get", "lobby", posted)
            assert "hello" in got.out, got.err
            assert await up.end() == 0
    finally:
        old.remove()


async def test_a_copied_data_folder_goes_on(tmp_path: Path) -> None:
    """A copy of a stopped messenger's folder, started elsewhere, serves what still lives, shows
    nothing that is over, and keeps the rest of its promises: the same key gives the same message."""
    async with Commands() as first, Commands() as second:
        up = await first.start("up", "--port", "0")
        await up.line()
        kept = (await first.run("post", "lobby", "kept", "--key", "one")).out.strip()
        brief = (await first.run("post", "lobby", "brief", "--ttl", "1s")).out.strip()
        assert await up.end() == 0
        shutil.copytree(first.data_dir, second.data_dir, dirs_exist_ok=True)
        copied = (second.data_dir / "store" / "appendonlydir").iterdir()
        assert any(b"brief" in path.read_bytes() for path in copied)
        over_at = int(brief.partition("-")[0]) + 1_000
        await wait_until(lambda: time.time() * 1_000 > over_at, "the short life is over")
        up = await second.start("up", "--port", "0")
        await up.line()
        listed = await second.run("list", "lobby", "--json")
        assert kept in listed.out
        assert brief not in listed.out
        again = await second.run("post", "lobby", "kept", "--key", "one")
        assert again.out.strip() == kept
        assert await up.end() == 0


async def test_erase_tokens_outlive_the_move_of_their_secret(
    private_store: PrivateStore, logs: Logs
) -> None:
    """A store that has the secret where earlier versions kept it, in the meta, keeps its erase tokens;
    and from then on who reads the meta does not see it."""
    token = logs.all[0].erase_token(EntryId(1, 0))
    with private_store.client() as client:
        client.hset(KEYS.meta, "secret", client.getdel(KEYS.secret))
        after = Logs(logs.store, logs.settings)
        await after.settle()
        assert after.all[0].erase_token(EntryId(1, 0)) == token
        assert not client.hexists(KEYS.meta, "secret")
