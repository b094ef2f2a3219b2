"""Promise 2: what a power cut takes. The store's files are cut back to exactly what it had synced."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.power import Powered
from tests.waiting import wait_until

_WRITERS = 4


class _Writers:
    """Post as fast as they are answered, until the store is gone; `accepted` has each message's text
    and when it was accepted."""

    def __init__(self, log: Log) -> None:
        self.accepted: dict[EntryId, tuple[str, float]] = {}
        self._log = log
        self._work = [asyncio.create_task(self._write(number)) for number in range(_WRITERS)]

    async def _write(self, writer: int) -> None:
        number = 0
        while True:
            text = f"{writer} said {number}"
            try:
                appended = await self._log.append(Post("lobby", f"writer {writer}", text))
            except StoreUnavailable:
                return
            self.accepted[appended.id] = text, time.monotonic()
            number += 1

    async def end(self) -> None:
        for each in self._work:
            each.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)


@pytest.fixture
async def cut_off(
    settings: Callable[..., Settings],
) -> AsyncIterator[Callable[..., object]]:
    """Makes a store with its log, and those who write to it; all are ended."""
    made: list[tuple[Powered, Store, _Writers]] = []

    async def make(durability: str) -> tuple[Powered, Log, _Writers]:
        powered = Powered(durability=durability)
        await asyncio.to_thread(powered.start)
        store = Store(powered.url)
        logs = Logs(store, settings())
        await logs.settle()
        writers = _Writers(logs.all[0])
        made.append((powered, store, writers))
        return powered, logs.all[0], writers

    yield make
    for powered, store, writers in made:
        await writers.end()
        await store.close()
        powered.remove()


async def _cut(powered: Powered, writers: _Writers) -> tuple[float, int]:
    """Cuts the power and brings it back; when it was cut, and how many bytes that took."""
    cut_at = time.monotonic()
    lost = powered.lose_power()
    await writers.end()
    await asyncio.to_thread(powered.start)
    return cut_at, lost


async def _kept(log: Log) -> dict[EntryId, str]:
    found: dict[EntryId, str] = {}
    after = EntryId(0, 0)
    while page := await log.range(after):
        found |= {entry.id: entry.event.text for entry in page}  # type: ignore[union-attr]
        after = page[-1].id
    return found


@pytest.mark.parametrize("is_rewritten", [False, True])
async def test_a_power_cut_takes_nothing_that_was_accepted_with_always(
    cut_off: Callable[..., object], is_rewritten: bool
) -> None:
    """With `always` every message that was accepted is there after a power cut, also in the middle of
    a rewrite of the file."""
    powered, log, writers = await cut_off("always")  # type: ignore[misc]
    await wait_until(lambda: len(writers.accepted) > 300, "some were accepted")
    if is_rewritten:
        await log.store.client.bgrewriteaof()
        many = len(writers.accepted) + 20
        await wait_until(lambda: len(writers.accepted) > many, "more were accepted meanwhile")
    await _cut(powered, writers)
    kept = await _kept(log)
    accepted = {entry_id: text for entry_id, (text, _) in writers.accepted.items()}
    assert accepted.items() <= kept.items()


async def test_a_power_cut_takes_two_seconds_at_most_with_everysec(
    cut_off: Callable[..., object],
) -> None:
    """With `everysec` every message that was accepted more than two seconds before a power cut is
    there after it; of the younger ones some are not, so that the cut was one."""
    powered, log, writers = await cut_off("everysec")  # type: ignore[misc]
    for _ in range(2):
        syncs = powered.synced
        await wait_until(lambda before=syncs: powered.synced > before, "it has synced")
    many = len(writers.accepted) + 100
    await wait_until(lambda: len(writers.accepted) > many, "more were accepted since")
    began = time.monotonic()
    await wait_until(lambda: time.monotonic() - began > 0.5, "half a second went by")
    cut_at, lost = await _cut(powered, writers)
    kept = await _kept(log)
    missing = {each: at for each, (_, at) in writers.accepted.items() if each not in kept}
    assert lost
    assert missing
    assert max(cut_at - at for at in missing.values()) <= 2.0
    accepted = {each: text for each, (text, _) in writers.accepted.items()}
    assert {each: accepted[each] for each in kept if each in accepted}.items() <= kept.items()
