"""Promise 2 with replicas: what is accepted is on so many of them, and survives the primary's loss."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import BadField, NotFound, StoreUnavailable, TooFast, Unconfirmed
from messenger.log import Log, Logs, Post
from messenger.settings import Settings
from tests.installed import installed
from tests.private_store import PrivateStore
from tests.raw import KEYS, texts
from tests.replicated import Pair, replicated
from tests.waiting import wait_until


@pytest.fixture
async def pair(store_kind: str) -> AsyncIterator[Pair]:
    server = Path(installed("redis-server")) if store_kind == "redis" else None
    async with replicated(server) as made:
        yield made


@pytest.fixture
async def strict_log(
    pair: Pair, settings: Callable[..., Settings]
) -> AsyncIterator[Callable[..., object]]:
    """Makes logs, each with a store of its own, as another process has it."""
    stores: list[Store] = []

    async def make(**given: str) -> Log:
        store = Store(pair.primary.url)
        stores.append(store)
        logs = Logs(store, settings(**{"replicas": "1", **given}))
        await logs.settle()
        return logs.all[0]

    yield make
    for store in stores:
        await store.close()


def _on(private: PrivateStore) -> list[str]:
    with private.client() as client:
        return texts(client)


def _waits(private: PrivateStore) -> int:
    with private.client() as client:
        found = client.info("commandstats").get("cmdstat_wait", {"calls": 0})
    return int(found["calls"])


async def test_what_is_accepted_is_on_the_replica(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """When a post is accepted the replica has it already."""
    log = await strict_log()
    for number in range(20):
        await log.append(Post("lobby", "me", f"text {number}"))
        assert _on(pair.replica)[-1] == f"text {number}"


async def test_logs_made_anew_share_a_connection(
    pair: Pair, strict_log: Callable[..., Log], settings: Callable[..., Settings]
) -> None:
    """A process makes its logs anew when the store gets more partitions: no connection is added."""
    first = await strict_log()
    await first.append(Post("lobby", "me", "first"))
    with pair.primary.client() as client:
        before = len(client.client_list(_type="normal"))
        for number in range(3):
            logs = Logs(first.store, settings(replicas="1"))
            await logs.settle()
            await logs.all[0].append(Post("lobby", "me", f"{number}"))
        assert len(client.client_list(_type="normal")) == before


async def test_what_no_replica_has_is_not_accepted(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """While the link is silent a post is refused within three seconds, and may be stored. Asked again
    with its key, also by another process, it is not accepted before the replica has it; then it is
    there once."""
    log, other = await strict_log(), await strict_log()
    await log.append(Post("lobby", "me", "before"))
    pair.link.hold()
    post = Post("lobby", "me", "held up", key="a key")
    for each in (log, other, log):
        began = time.monotonic()
        with pytest.raises(Unconfirmed, match="1 replica"):
            await each.append(post)
        assert time.monotonic() - began < 3.0
    assert _on(pair.replica) == ["before"]
    pair.link.heal()
    appended = await other.append(post)
    assert not appended.is_new
    assert _on(pair.primary) == _on(pair.replica) == ["before", "held up"]


async def test_nothing_is_stored_once_it_is_known_that_it_would_not_be_confirmed(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """Of posts that come while no replica answers the first may be stored, and no other."""
    log = await strict_log()
    await log.append(Post("lobby", "me", "before"))
    pair.link.hold()
    for number in range(3):
        with pytest.raises(Unconfirmed):
            await log.append(Post("lobby", "me", f"text {number}"))
    assert _on(pair.primary) == ["before", "text 0"]
    pair.link.heal()
    await log.append(Post("lobby", "me", "after"))
    assert _on(pair.replica) == ["before", "text 0", "after"]


async def test_what_was_refused_is_not_kept(pair: Pair, strict_log: Callable[..., Log]) -> None:
    """A refusal is remembered, and nothing of what was refused with it: neither where it is known
    before, nor where it is found out."""
    log = await strict_log()
    await log.append(Post("lobby", "me", "before"))
    pair.link.hold()
    for number in range(2):
        refused = await _refused(log, Post("lobby", "me", f"a secret {number}"))
        trouble = log._keeping._trouble
        assert trouble is not refused
        assert (trouble.__traceback__, trouble.__context__) == (None, None)


async def _refused(log: Log, post: Post) -> Unconfirmed:
    with pytest.raises(Unconfirmed) as told:
        await log.append(post)
    return told.value


async def test_one_wait_speaks_for_all_that_were_asked_meanwhile(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """Posts that come together share what it costs to ask the replica."""
    log = await strict_log()
    await log.append(Post("lobby", "me", "first"))
    before = _waits(pair.primary)
    posts = (log.append(Post("lobby", "me", f"text {number}")) for number in range(200))
    await asyncio.gather(*posts)
    assert _waits(pair.primary) - before <= 3
    assert len(_on(pair.replica)) == 201


async def test_a_refusal_waits_for_no_replica(pair: Pair, strict_log: Callable[..., Log]) -> None:
    """What is refused in any case is told so, also while posts can't be confirmed."""
    log = await strict_log(post_rate="1/1m")
    await log.append(Post("lobby", "me", "first", key="a key", visitor="v"))
    pair.link.hold()
    with pytest.raises(TooFast):
        await log.append(Post("lobby", "me", "second", visitor="v"))
    with pytest.raises(Unconfirmed):
        await log.append(Post("lobby", "me", "third"))
    pair.link.heal()
    with pytest.raises(BadField, match="Idempotency-Key"):
        await log.append(Post("lobby", "me", "another", key="a key"))
    with pytest.raises(NotFound):
        await log.erase("lobby", EntryId(1, 0), "author")


async def test_an_erasure_is_confirmed_like_a_post(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """What somebody was told is erased comes back by no failover; it is erased also where memory is
    full."""
    log = await strict_log()
    appended = await log.append(Post("lobby", "me", "regretted"))
    pair.link.hold()
    for _ in range(2):
        with pytest.raises(Unconfirmed):
            await log.erase("lobby", appended.id, "author")
    assert _on(pair.replica) == ["regretted"]
    pair.link.heal()
    with pair.primary.client() as client:
        client.config_set("maxmemory", "1")
    await log.erase("lobby", appended.id, "author")
    assert _on(pair.replica) == []


async def test_a_caller_that_gives_up_leaves_the_others(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """Of two who wait for the replica one leaves; the other is accepted when it answers."""
    log = await strict_log()
    await log.append(Post("lobby", "me", "first"))
    pair.link.hold()
    leaving, staying = (
        asyncio.create_task(log.append(Post("lobby", "me", text))) for text in ("one", "two")
    )
    await wait_until(lambda: "two" in _on(pair.primary), "both are stored")
    leaving.cancel()
    pair.link.heal()
    assert (await staying).is_new
    assert leaving.cancelled()


async def test_a_store_that_is_gone_is_told_as_ever(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """Without the primary a post is refused within three seconds; with it again it is accepted, and a
    script that it has forgotten is given anew."""
    log = await strict_log()
    await log.append(Post("lobby", "me", "before"))
    pair.primary.kill()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as refused:
        await log.append(Post("lobby", "me", "during"))
    assert time.monotonic() - began < 3.0
    assert refused.value.code == "store-unavailable"
    await asyncio.to_thread(pair.primary.start)
    await pair.is_followed()
    with pair.primary.client() as client:
        client.script_flush()
    await log.append(Post("lobby", "me", "after"))
    assert _on(pair.replica) == ["before", "after"]


async def test_a_failover_loses_nothing_that_was_accepted(
    pair: Pair, strict_log: Callable[..., Log]
) -> None:
    """Writers post while the link to the replica is slow, and then silent; the primary is lost, and the
    replica takes its place. Every message that was accepted is there; some that were not accepted are
    not, so that the failover was one."""
    log = await strict_log()
    accepted: set[str] = set()
    refused: set[str] = set()

    async def write(writer: int) -> None:
        for number in range(100):
            text = f"{writer} said {number}"
            try:
                await log.append(Post("lobby", "me", text))
            except StoreUnavailable:
                refused.add(text)
                return
            accepted.add(text)

    pair.link.delay(0.01)
    writers = [asyncio.create_task(write(number)) for number in range(8)]
    await wait_until(lambda: len(accepted) > 50, "some are accepted")
    pair.link.hold()
    await asyncio.gather(*writers)
    stored = set(_on(pair.primary))
    pair.promote()
    kept = set(_on(pair.replica))
    assert accepted <= kept
    assert refused & (stored - kept)
    with pair.replica.client() as client:
        assert client.exists(KEYS.meta)
