"""The examples consume a live log while everything around them breaks: every event is handled at least
once, or they say that it was missed."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from messenger.connection import Store
from messenger.keys import Keys
from messenger.log import Logs
from messenger.settings import Settings
from tests.books import Books, Poster
from tests.commands import Commands, Running
from tests.hearing import Heard
from tests.node import installed, need_node
from tests.private_store import PrivateStore
from tests.raw import now_ms
from tests.sources import ROOT
from tests.waiting import wait_until

_EXAMPLES = ROOT / "docs" / "examples"
_GROUP = "counter"  # ours.py has it written in it
_ALL = (Keys(0), Keys(1))


class _Scene:
    """A store with two partitions, a worker, somebody who posts, and an example as its consumers."""

    def __init__(self, example: str, private: PrivateStore, commands: Commands, logs: Logs) -> None:
        self._example, self._commands = example, commands
        self.private = private
        self.poster = Poster(logs)
        self.books = Books(self.poster)

    async def start_worker(self) -> None:
        self.worker = await self._commands.start("worker")

    async def enter(self, name: str) -> Heard:
        """Starts a consumer."""
        return self.books.open(await self._start(name))

    async def _start(self, name: str) -> Running:
        path, url = str(_EXAMPLES / self._example), self.private.url
        if self._example == "node/consumer.js":
            words = (str(installed("consumer.js")), url, _GROUP, name)
            return await self._commands.start_program("node", *words)
        if self._example == "ours.py":
            return await self._commands.start_python(
                path, url, str(self._commands.data_dir / "counts")
            )
        return await self._commands.start_python(path, url, _GROUP, name)

    async def kill_in_the_middle(self, consumer: Heard) -> None:
        """kill -9 while it handles an event and was given more, some of which will expire."""
        consumer.running.hold_output()
        await self.poster.burst()
        with self.private.client() as client:
            await wait_until(lambda: _held(client), "it is in the middle of an event")
        consumer.running.hear_output()
        await consumer.end(signal.SIGKILL)

    async def settled(self) -> None:
        """Waits until what was posted so far is handled, or known to be missed."""
        so_far = set(self.poster.posted)
        await wait_until(
            lambda: self.books.balance(of=so_far),
            "all that was posted is handled, or known to be missed",
            seconds=40,
        )


@asynccontextmanager
async def _scene(example: str, private: PrivateStore, settings: Settings) -> AsyncIterator[_Scene]:
    async with (
        Commands(MESSENGER_STORE_URL=private.url) as commands,
        Store(private.url) as store,
    ):
        logs = Logs(store, settings)
        await logs.settle()
        scene = _Scene(example, private, commands, logs)
        async with scene.books:
            await scene.start_worker()
            yield scene


def _held(client: redis.Redis) -> int:
    """How many entries are held by consumers that do nothing with them."""
    return sum(
        len(client.xpending_range(keys.log, _GROUP, "-", "+", 1_000, idle=500)) for keys in _ALL
    )


async def _are_gone(scene: _Scene) -> None:
    """Waits until what lives briefly was swept."""
    brief = [each for each in scene.poster.posted.values() if each.is_brief]
    with scene.private.client() as client:
        await wait_until(
            lambda: (
                not any(
                    client.xrange(_ALL[each.partition].log, str(each.id), str(each.id))
                    for each in brief
                )
            ),
            "they are swept",
        )


async def _are_over(scene: _Scene) -> None:
    """Waits until the time of what lives briefly is over."""
    newest = max(each.id.ms for each in scene.poster.posted.values() if each.is_brief)
    with scene.private.client() as client:
        await wait_until(lambda: now_ms(client) > newest + Poster.BRIEF_MS, "they are over")


async def _cut_by_hand(scene: _Scene, keep: int) -> None:
    """Trims each log, as an operator does who needs space, and waits for the sweeper to notice."""
    with scene.private.client() as client:
        for keys in _ALL:
            client.xtrim(keys.log, maxlen=keep, approximate=False)
        await wait_until(
            lambda: all(client.hexists(keys.meta, "trimmed_to") for keys in _ALL),
            "the sweeper has noticed",
        )


async def _are_at_work(*consumers: Heard) -> None:
    """Waits until each has handled something from now on."""
    before = [len(each.lines) for each in consumers]
    await wait_until(
        lambda: all(len(each.lines) > had for each, had in zip(consumers, before, strict=True)),
        "all are at work",
        seconds=20,
    )


def _group(client: redis.Redis, keys: Keys) -> dict[str, Any] | None:
    groups = client.xinfo_groups(keys.log)
    return next((each for each in groups if each["name"] == _GROUP.encode()), None)


def _is_made(client: redis.Redis) -> bool:
    return all(_group(client, keys) for keys in _ALL)


def _nothing_is_left(client: redis.Redis) -> bool:
    """Whether the group was given all and holds nothing."""
    for keys in _ALL:
        group, log = _group(client, keys), client.xinfo_stream(keys.log)
        assert group is not None
        if group["pending"] or group["last-delivered-id"] != log["last-generated-id"]:
            return False
    return True


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "example", ["plain_redis.py", "node/consumer.js", "faststream_consumer.py", "ours.py"]
)
async def test_nothing_is_missed_in_silence(
    own_store: Callable[..., PrivateStore],
    settings: Callable[..., Settings],
    example: str,
) -> None:
    """Consumers are killed while they handle and hold events, the store and the messenger's worker are
    killed and started again, events expire and the log is trimmed by hand while nobody reads."""
    if example.startswith("node/"):
        need_node()
    private = own_store(durability="always")
    async with _scene(example, private, settings(partitions="2")) as scene:
        books, poster = scene.books, scene.poster
        await poster.post(10)
        one, two = await scene.enter("one"), await scene.enter("two")
        with private.client() as client:
            await wait_until(lambda: _is_made(client), "the group is there", seconds=20)
        poster.open()
        await _are_at_work(one, two)

        # A consumer dies: the other takes over what it held.
        await scene.kill_in_the_middle(one)
        await scene.settled()
        assert books.missed() or books.expired(), "some has expired in the dead one's hands"

        # The store is away for a while, and the worker.
        await scene.worker.end(signal.SIGKILL)
        private.kill()
        one = await scene.enter("one")
        private.start()
        await scene.start_worker()
        await _are_at_work(one, two)
        await scene.settled()

        # Events expire while nobody reads: some are swept, some are there when they are read.
        await one.end(signal.SIGKILL)
        await two.end(signal.SIGKILL)
        await poster.close()
        await poster.post(20, is_brief=True)
        await _are_gone(scene)
        await scene.worker.end(signal.SIGKILL)
        await poster.post(20, is_brief=True)
        await _are_over(scene)
        await poster.post(20)
        one, two = await scene.enter("one"), await scene.enter("two")
        poster.open()
        await _are_at_work(one, two)
        await poster.close()
        await scene.start_worker()
        await scene.settled()
        assert len(books.open_items()) >= 20, "they are known by their number"
        assert not books.cut_to()

        # The log is cut past their position.
        assert [await each.end() for each in (one, two)] == [0, 0]
        await poster.post(60)
        await _cut_by_hand(scene, keep=10)
        await poster.post(20)
        one, two = await scene.enter("one"), await scene.enter("two")
        poster.open()
        await _are_at_work(one, two)
        await poster.close()
        with private.client() as client:
            await wait_until(lambda: _nothing_is_left(client), "all is acked", seconds=30)
        await scene.settled()
        print(f"\n{example}: {books.figures()}")
        assert [await each.end() for each in (one, two)] == [0, 0]
        assert await scene.worker.end() == 0
        assert books.cut_to().keys() == {0, 1}
