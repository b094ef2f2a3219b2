"""A rebuild that does not come to its end: the old view serves, and the half one leaves nothing."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import pytest

from consumers import rebuild
from consumers.rebuild import Rebuild
from messenger.errors import RebuildLost, RebuildRunning
from messenger.log import Log, Logs
from tests.commands import Commands
from tests.damages import planted, verified
from tests.private_store import PrivateStore
from tests.raw import KEYS, holders, now_ms
from tests.rebuilding import Held, building
from tests.terminal import on_a_terminal
from tests.waiting import wait_until


async def test_two_at_once_are_refused(
    private_store: PrivateStore, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second says that there is one, changes nothing, and the first comes to its end."""
    held = Held(monkeypatch)
    with private_store.client() as client:
        await planted(client, logs)
        first = asyncio.create_task(Rebuild(logs, asyncio.Event()).run())
        await held.is_there.wait()
        facts = client.hgetall(KEYS.meta)
        with pytest.raises(RebuildRunning, match="another rebuild is at work"):
            await Rebuild(logs, asyncio.Event()).run()
        assert client.hgetall(KEYS.meta) == facts
        held.go.set()
        assert await first
        assert await verified(logs) == []


@pytest.mark.parametrize("at", ["_carry", "_fill", "_unlink"])
async def test_one_that_is_stopped_leaves_the_old_view(
    private_store: PrivateStore, logs: Logs, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """At the stop the old view serves, nothing is left of the new one, and another may begin at once."""
    stop = asyncio.Event()
    held = Held(monkeypatch, at)
    with private_store.client() as client:
        await planted(client, logs)
        before = {key: client.dump(key) for key in client.keys("*:message:*")}
        task = asyncio.create_task(Rebuild(logs, stop).run())
        await held.is_there.wait()
        stop.set()
        held.go.set()
        assert not await task
        assert building(client) == []
        assert {key: client.dump(key) for key in client.keys("*:message:*")} == before
        assert await verified(logs) == []
        monkeypatch.undo()
        assert await Rebuild(logs, asyncio.Event()).run()


async def test_one_that_is_killed_is_forgotten(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 in the middle: the old view serves and is written on, what is erased leaves both, all of
    the half one has an end, and the next rebuild begins when the lease is over and takes it away."""
    monkeypatch.setattr(rebuild, "LEASE_MS", 700)
    with private_store.client() as client:
        there = await planted(client, logs)
        async with Commands(MESSENGER_STORE_URL=private_store.url) as commands:
            running = await commands.start_python("-c", _HALF_WAY, "rebuild")
            await wait_until(lambda: building(client), "it has begun")
            assert await running.line() == "half"
            await running.end(signal.SIGKILL)
        assert building(client)
        assert all(client.pttl(key) > 0 for key in building(client))
        assert await verified(logs) == []
        assert len(holders(client, "text 0")) == 3  # log, and both rows
        await log.erase("lobby", there.living[0], "author")
        assert holders(client, "text 0") == []
        with pytest.raises(RebuildRunning, match="is forgotten after 1 s"):
            await Rebuild(logs, asyncio.Event()).run()

        async def is_free() -> bool:
            try:
                return await Rebuild(logs, asyncio.Event()).run()
            except RebuildRunning:
                return False

        await wait_until(is_free, "the lease is over")
        assert await verified(logs) == []
        view = client.hget(KEYS.meta, "view").decode()
        assert all(f":view:{view}:" in key.decode() for key in building(client))


_HALF_WAY = """
import asyncio
from consumers import rebuild
rebuild.LEASE_MS = 700
fill = rebuild.Rebuild._run
async def run(self, log, script, keys, args):
    found = await fill(self, log, script, keys, args)
    if script.name == "fill":
        print("half", flush=True)
        await self._stop.wait()
    return found
rebuild.Rebuild._run = run
from messenger.cli.main import main
main()
"""


async def test_one_that_stood_still_for_too_long_is_not_switched_to(
    private_store: PrivateStore, logs: Logs, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has missed what was applied since its lease was over: it is given up, and says so."""
    monkeypatch.setattr(rebuild, "LEASE_MS", 200)
    monkeypatch.setattr(rebuild, "KEEP_EVERY_S", 60.0)
    held = Held(monkeypatch)
    with private_store.client() as client:
        await planted(client, logs)
        task = asyncio.create_task(Rebuild(logs, asyncio.Event()).run())
        await held.is_there.wait()
        until = int(client.hget(KEYS.meta, "rebuild_until"))
        await wait_until(lambda: now_ms(client) > until, "the lease is over")
        held.go.set()
        with pytest.raises(RebuildLost, match="run it again"):
            await task
        assert client.hget(KEYS.meta, "view") is None
        assert await verified(logs) == []


@pytest.mark.parametrize("at", ["_fill", "_unlink"])
async def test_one_that_lost_its_lease_harms_no_other(
    private_store: PrivateStore, logs: Logs, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It stood still, another one began: what that one builds is not touched when it goes on."""
    monkeypatch.setattr(rebuild, "LEASE_MS", 300)
    monkeypatch.setattr(rebuild, "KEEP_EVERY_S", 60.0)
    with private_store.client() as client:
        await planted(client, logs)
        first, second = (Rebuild(logs, asyncio.Event()) for _ in range(2))
        stands, goes_on = Held(monkeypatch, at, first), Held(monkeypatch, "_fill", second)
        lost = asyncio.create_task(first.run())
        await stands.is_there.wait()
        until = int(client.hget(KEYS.meta, "rebuild_until"))
        await wait_until(lambda: now_ms(client) > until, "the lease is over")
        monkeypatch.setattr(rebuild, "LEASE_MS", 60_000)
        kept = asyncio.create_task(second.run())
        await goes_on.is_there.wait()
        ghost = KEYS.view(second._generation).message("1-0")
        client.set(ghost, "expired", px=60_000)
        stands.go.set()
        with pytest.raises(RebuildLost):
            await lost
        assert client.exists(ghost)
        goes_on.go.set()
        assert await kept
        assert client.hget(KEYS.meta, "view").decode() == second._generation


@pytest.fixture
async def commands(private_store: PrivateStore, logs: Logs) -> AsyncIterator[Commands]:
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


async def test_the_command_says_what_it_did(
    private_store: PrivateStore, logs: Logs, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done ends with 0 and how much it was; refused with 1; interrupted with 130, and the old view."""
    with private_store.client() as client:
        there = await planted(client, logs)
        client.hincrby(there.minute, "posted", 5)
        done = await commands.run("rebuild")
        assert (done.code, done.err) == (0, "")
        assert done.out == "8 entries: the view is new; counts mended: 1\n"
        client.hset(KEYS.meta, mapping={"rebuild": "x", "rebuild_until": 2**52})
        refused = await commands.run("rebuild")
        assert (refused.code, refused.out) == (1, "")
        assert "another rebuild" in refused.one_line()
        client.hdel(KEYS.meta, "rebuild", "rebuild_until")
        view = client.hget(KEYS.meta, "view")
        running = await commands.start_python("-c", _HALF_WAY, "rebuild")
        await running.line()
        assert await running.end(signal.SIGINT) == 130
        assert "the old one serves" in running.errors()
        assert client.hget(KEYS.meta, "view") == view
        assert {key.split(b":")[3] for key in building(client)} == {view}
    assert await verified(logs) == []


@pytest.mark.parametrize("command", ["rebuild", "verify"])
async def test_a_terminal_is_shown_how_far_it_is(
    private_store: PrivateStore, logs: Logs, command: str
) -> None:
    """A bar on standard error, which is full at the end."""
    with private_store.client() as client:
        await planted(client, logs)
    code, shown = await on_a_terminal(private_store, command)
    assert code == 0, shown
    assert re.search(command + r" .* 100% 8 entries, [\d,]+/s", shown), shown
