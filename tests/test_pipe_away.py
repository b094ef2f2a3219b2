"""A store that can't be reached is not run at: one knocks for all who wait."""

import asyncio
import time

import pytest

from messenger.errors import StoreUnavailable
from messenger.pipe import Pipe
from messenger.replies import Lost
from tests.faults.proxy import Proxy
from tests.private_store import PrivateStore
from tests.waiting import wait_until


async def test_many_who_wait_knock_no_more_often_than_one(private_store: PrivateStore) -> None:
    """Two hundred calls wait for a store that is away: under five tries a second, and each is told in
    time; when it is back, the next call succeeds at once."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        assert await pipe.call("PING") == b"PONG"
        proxy.refuse()
        began = time.monotonic()
        waiting = []
        for _ in range(20):
            waiting += [asyncio.create_task(pipe.call("PING")) for _ in range(10)]
            await asyncio.sleep(0.1)
        for each in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(each, StoreUnavailable)
        assert proxy.tries_a_second(began + 1.0, time.monotonic()) < 5
        proxy.heal()
        back = time.monotonic()
        assert await pipe.call("PING") == b"PONG"
        assert time.monotonic() - back < 1.0
        await pipe.close()


async def test_a_first_failure_does_not_cost_much(private_store: PrivateStore) -> None:
    """A store that is back in a moment is found in a moment."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        proxy.refuse()
        calling = asyncio.create_task(pipe.call("PING"))
        await wait_until(lambda: proxy.opened, "it was tried")
        proxy.heal()
        began = time.monotonic()
        assert await calling == b"PONG"
        assert time.monotonic() - began < 0.5
        await pipe.close()


async def test_once_tells_at_once(private_store: PrivateStore) -> None:
    """Who asks for no patience gets none."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        proxy.refuse()
        with pytest.raises(StoreUnavailable):
            await pipe.once(("PING",))
        await pipe.close()


async def test_once_tells_of_another_connection(private_store: PrivateStore) -> None:
    """A connection that went between two reads is told of, once: the store may have come back with
    less than it had shown."""
    async with Proxy(private_store.socket) as proxy:
        pipe = Pipe(proxy.url)
        assert await pipe.once(("PING",)) == [b"PONG"]
        wire = await pipe.connected()
        proxy.reset()
        await wait_until(lambda: not wire.is_open, "it is gone")
        with pytest.raises(Lost):
            await pipe.once(("PING",))
        assert await pipe.once(("PING",)) == [b"PONG"]
        await pipe.close()
