"""A rebuild whose store goes away, forgets, is emptied or full: no half view is ever switched to."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from consumers import rebuild
from consumers.rebuild import Rebuild
from messenger.connection import Store
from messenger.errors import LogReset, RebuildLost, StoreFull, StoreUnavailable
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.damages import planted, verified
from tests.past import fill, ids_of_late
from tests.private_store import PrivateStore
from tests.projecting import project_all
from tests.raw import KEYS
from tests.rebuilding import Held, building


@pytest.mark.parametrize("filled", [300, 900], ids=["in the middle", "at the end"])
async def test_a_store_that_forgot_some_of_it_is_noticed(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    filled: int,
) -> None:
    """A crash of the store takes back the last second: a view that lacks it is not switched to."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            fill(client, ids_of_late(client, 1_000))
        await project_all(logs.all[0])
        # As the crash leaves it: what was filled last is not known any more.
        step = Rebuild._run

        async def run(self: Rebuild, log: Log, script: Any, keys: Any, args: Any) -> int:
            found = await step(self, log, script, keys, args)
            if script.name == "fill" and self.entries == filled:
                with private.client() as client:
                    client.hset(KEYS.meta, "built_to", args[3])
            return found

        monkeypatch.setattr(Rebuild, "_run", run)
        with pytest.raises(RebuildLost):
            await Rebuild(logs, asyncio.Event()).run()
        assert await verified(logs) == []


async def test_a_store_that_is_restarted_is_built_on(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that was killed and has kept everything is gone on with."""
    private = own_store(durability="always")
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            fill(client, ids_of_late(client, 1_000))
        await project_all(logs.all[0])
        held = Held(monkeypatch)
        made = Rebuild(logs, asyncio.Event())
        task = asyncio.create_task(made.run())
        await held.is_there.wait()
        private.kill()
        held.go.set()
        await asyncio.sleep(0)
        private.start()
        assert await task
        assert made.entries == 1_000
        assert await verified(logs) == []


async def test_a_store_that_stays_away_ends_it(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is waited for, and then given up; when it is back the old view is there."""
    monkeypatch.setattr(rebuild, "_PATIENCE_S", 0.1)
    monkeypatch.setattr("consumers.fold._PATIENCE_S", 0.1)
    monkeypatch.setattr("messenger.pipe.PATIENCE_S", 0.2)
    private = own_store(durability="always")
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            await planted(client, logs)
        held = Held(monkeypatch)
        task = asyncio.create_task(Rebuild(logs, asyncio.Event()).run())
        await held.is_there.wait()
        private.kill()
        held.go.set()
        with pytest.raises(StoreUnavailable):
            await task
        private.start()
        assert await verified(logs) == []


async def test_a_store_that_is_flushed_ends_it(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log began anew: nothing of the old one is switched to."""
    held = Held(monkeypatch)
    with private_store.client() as client:
        await planted(client, logs)
        task = asyncio.create_task(Rebuild(logs, asyncio.Event()).run())
        await held.is_there.wait()
        client.flushall()
        await log.settle()
        held.go.set()
        with pytest.raises((LogReset, RebuildLost)):
            await task
        assert building(client) == []
        assert await verified(logs) == []


async def test_a_log_that_begins_anew_at_the_last_moment_ends_it(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is deleted after all of it was filled in: what it held is not switched to."""
    step = Rebuild._run

    async def run(self: Rebuild, log: Log, script: Any, keys: Any, args: Any) -> int:
        if script.name == "switch":
            client.delete(KEYS.log)
            await log.settle()
        return await step(self, log, script, keys, args)

    monkeypatch.setattr(Rebuild, "_run", run)
    with private_store.client() as client:
        await planted(client, logs)
        with pytest.raises(RebuildLost):
            await Rebuild(logs, asyncio.Event()).run()
        assert client.hget(KEYS.meta, "view") is None
        assert building(client) == []


async def test_a_full_store_ends_it_and_gets_its_memory_back(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two views are too much for the store: the half one is taken away, and posts are taken again."""
    monkeypatch.setattr(rebuild, "_PATIENCE_S", 0.1)
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        with private.client() as client:
            fill(client, ids_of_late(client, 2_000), author="x" * 500)
            await project_all(logs.all[0])
            client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
            with pytest.raises(StoreFull):
                await Rebuild(logs, asyncio.Event()).run()
            assert building(client) == []
            assert not client.hexists(KEYS.meta, "rebuild")
            client.config_set("maxmemory", 0)
        assert await verified(logs) == []
