"""Promise 8: whatever a store may have, it is said plainly, reading goes on, and all heals by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from messenger.errors import StoreUnavailable
from messenger.pipe import Pipe
from messenger.replies import Soon
from messenger.settings import Settings
from tests.faults.proxy import Proxy
from tests.filling import fill
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until

POST = "/api/rooms/lobby/messages"
# Promised to the store's users, and what two busy processors may add.
REFUSED_S, HEALS_S = 3.0, 2.0
TRIES_A_SECOND = 5.0


class Ward:
    """A messenger, its store, and the proxy between them."""

    def __init__(self, messenger: Messenger, private: PrivateStore, proxy: Proxy) -> None:
        self.messenger = messenger
        self.private = private
        self.proxy = proxy

    async def health(self, kind: str) -> tuple[int, dict[str, Any]]:
        async with self.messenger.session.get(f"{self.messenger.url}/health/{kind}") as response:
            return response.status, await response.json()

    async def is_unready(self) -> bool:
        return (await self.health("ready"))[0] == 503

    async def is_ready(self) -> bool:
        return (await self.health("ready"))[1]["status"] == "ready"

    async def can_post(self) -> bool:
        url = self.messenger.url + POST
        async with self.messenger.session.post(url, json={"text": "again"}) as response:
            return response.status == 201

    async def says_so(self, code: str = "store-unavailable", word: str = "") -> None:
        """Posts are refused in time, with when to come back; reading goes on; not ready, and alive."""
        began = time.monotonic()
        refused = await self.messenger.problem("POST", POST, json={"text": "no"})
        assert time.monotonic() - began < REFUSED_S
        assert (refused["status"], refused["code"]) == (503, code)
        assert int(refused["headers"]["Retry-After"]) > 0
        assert "kept" in await self.messenger.texts()
        await wait_until(self.is_unready, "readiness says no")
        status, found = await self.health("ready")
        assert status == 503
        assert word in " ".join(found["problems"])
        assert (await self.health("live"))[0] == 200

    async def heals(self) -> None:
        """From now on, in time."""
        back = time.monotonic()
        await wait_until(self.can_post, "posting works again")
        assert time.monotonic() - back < HEALS_S
        await wait_until(self.is_ready, "readiness says yes")


@pytest.fixture
async def ward(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> AsyncIterator[Ward]:
    private = own_store()
    async with AsyncExitStack() as stack:
        target = private.socket
        proxy = await stack.enter_async_context(Proxy(target))
        messenger = await stack.enter_async_context(serving(proxy.url, settings()))
        await messenger.post("kept")
        yield Ward(messenger, private, proxy)


async def test_a_store_that_is_gone_for_long_is_not_run_at(ward: Ward) -> None:
    """Nobody is there for seconds, and people go on posting: refused in time, under five tries a second
    for web and worker together."""
    began = time.monotonic()
    ward.proxy.refuse()
    await ward.says_so()
    posts = [asyncio.create_task(ward.can_post()) for _ in range(20)]
    assert not any(await asyncio.gather(*posts))
    assert ward.proxy.tries_a_second(began + 1.0, time.monotonic()) < 2 * TRIES_A_SECOND
    ward.proxy.heal()
    await ward.heals()
    assert "kept" in await ward.messenger.texts()


async def test_a_store_that_says_nothing_is_left_alone(ward: Ward) -> None:
    """Connections stand and nothing comes: refused in time, and few knock."""
    began = time.monotonic()
    ward.proxy.hold()
    await ward.says_so()
    await asyncio.gather(*(ward.can_post() for _ in range(20)))
    assert ward.proxy.tries_a_second(began + 1.0, time.monotonic()) < TRIES_A_SECOND
    ward.proxy.heal()
    await ward.heals()


async def test_a_store_that_comes_back_empty_is_a_new_history(ward: Ward) -> None:
    """Its file is gone: readers are told, the page is empty, and all goes on."""
    async with ward.messenger.stream() as stream:
        await stream.next()
        ward.private.kill()
        for left in _files(ward.private):
            left.unlink()
        await ward.says_so()
        ward.private.start()
        await ward.heals()
        gap = await stream.until("gap")
        assert gap.data["reason"] == "reset"
    assert set(await ward.messenger.texts()) == {"again"}


async def test_a_full_store_makes_no_ready_process(ward: Ward) -> None:
    """Memory is full: refused as such, reading goes on, and readiness names it."""
    with ward.private.client() as client:
        client.config_set("maxmemory", "1mb")
        await ward.says_so("store-full", "memory is full")
        client.config_set("maxmemory", "0")
    await ward.heals()


async def test_a_store_that_is_only_read_is_said(ward: Ward) -> None:
    """It is a replica for a while, as in a failover: streams stay open, and nobody is told of a gap."""
    async with ward.messenger.stream() as stream:
        await stream.next()
        with ward.private.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            await ward.says_so(word="replica")
            client.execute_command("REPLICAOF", "NO", "ONE")
        await ward.heals()
        event = await stream.until("message")
        assert event.data["text"] == "again"


async def test_a_store_that_is_loading_is_waited_for(ward: Ward) -> None:
    """It reads a long file after a kill, and says LOADING: refused in time, and then all is there."""
    await fill(ward.messenger, 2_000, room="other")
    ward.private.kill()
    ward.private.options += ["--key-load-delay", "700"]
    ward.private.launch()
    await wait_until(lambda: _is_loading(ward.private), "it is loading")
    await ward.says_so()
    await asyncio.to_thread(ward.private.wait_ready)
    await ward.heals()
    assert "kept" in await ward.messenger.texts()


async def test_a_full_disk_is_said(ward: Ward) -> None:
    """The append-only file can't grow: refused, reading goes on; when there is room again, it heals by
    itself as soon as the store has found out."""
    (file,) = [each for each in _files(ward.private) if each.name.endswith(".incr.aof")]
    ward.private.limit_files(file.stat().st_size)
    # The write that finds it out may still be answered: it is kept in memory, and written later.
    await wait_until(_is_refused(ward), "posts are refused")
    await ward.says_so(word="file")
    ward.private.limit_files(-1)
    await asyncio.to_thread(_wait_writable, ward.private)
    await ward.heals()
    ward.private.kill()
    ward.private.start()
    await wait_until(ward.can_post, "posting works again")
    assert "kept" in await ward.messenger.texts()


def _is_refused(ward: Ward) -> Callable[[], Any]:
    async def look() -> bool:
        return not await ward.can_post()

    return look


def _files(private: PrivateStore) -> list[Path]:
    return list((private.folder / "appendonlydir").glob("*"))


async def _is_loading(private: PrivateStore) -> bool:
    pipe = Pipe(private.url)
    try:
        await pipe.once(("PING",))
    except Soon:
        return True
    except StoreUnavailable:
        return False
    finally:
        await pipe.close()
    raise AssertionError("it was loaded too soon")


def _wait_writable(private: PrivateStore) -> None:
    for _ in range(500):
        with private.client() as client:
            if client.info("persistence")["aof_last_write_status"] == "ok":
                return
        time.sleep(0.01)
