"""What a store is told to be, before anything is served from it."""

import re
from collections.abc import Callable

import pytest

from messenger import checks
from messenger.checks import Finding
from messenger.connection import Store
from messenger.errors import StoreUnavailable, StoreUnfit
from messenger.log import Logs
from messenger.replicas import in_touch
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.replicated import replicated

VERDICTS = {
    "version": "good",
    "maxmemory-policy": "good",
    "maxmemory": "weak",
    "appendfsync": "good",
    "stream-node-max-entries": "good",
    "replicas": "good",
}


async def found_on(url: str) -> dict[str, Finding]:
    """The findings about a store, by their subject."""
    async with Store(url) as store:
        return {finding.subject: finding for finding in await checks.check(store)}


async def test_the_embedded_store_keeps_every_promise(private_store: PrivateStore) -> None:
    """Of the embedded store everything is good, but that nobody gave its memory a limit."""
    found = await found_on(private_store.url)
    assert {subject: each.verdict for subject, each in found.items()} == VERDICTS
    assert found["version"].value.startswith("valkey ")
    assert found["maxmemory"].value == "no limit"
    assert "a power cut loses two seconds at most" in found["appendfsync"].meaning
    checks.refuse_unfit(list(found.values()))


async def test_with_its_settings_the_embedded_store_has_no_weakness(
    own_store: Callable[..., PrivateStore],
) -> None:
    """A limit and `always` make every finding good."""
    found = await found_on(own_store(max_store_mb="64", durability="always").url)
    assert {each.verdict for each in found.values()} == {"good"}
    assert re.fullmatch(r"64 MB, \d % used", found["maxmemory"].value)
    assert found["appendfsync"].meaning == "accepted messages survive a power cut"


@pytest.mark.parametrize(
    ("option", "value", "subject", "shown", "meaning"),
    [
        ("maxmemory-policy", "volatile-ttl", "maxmemory-policy", "volatile-ttl", "rows of the view"),
        ("appendonly", "no", "appendonly", "no", "lost when the store restarts"),
        ("appendfsync", "no", "appendfsync", "no", "had not yet written"),
        ("stream-node-max-entries", "100", "stream-node-max-entries", "100 (aof-use", "its bytes stay"),
        ("aof-use-rdb-preamble", "yes", "stream-node-max-entries", "1 (aof-use", "its bytes stay"),
    ],
)  # fmt: skip
async def test_a_weak_option_is_told_with_its_price(
    own_store: Callable[..., PrivateStore],
    option: str,
    value: str,
    subject: str,
    shown: str,
    meaning: str,
) -> None:
    """A store that keeps a promise less well is taken, and what that means is said."""
    private = own_store()
    with private.client() as client:
        client.config_set(option, value)
    finding = (await found_on(private.url))[subject]
    assert finding.verdict == "weak"
    assert finding.value.startswith(shown)
    assert meaning in finding.meaning
    checks.refuse_unfit([finding])


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_store_that_evicts_the_log_is_refused(
    own_store: Callable[..., PrivateStore], policy: str
) -> None:
    """An eviction policy that may drop the whole log ends the start, with the reason."""
    private = own_store()
    with private.client() as client:
        client.config_set("maxmemory-policy", policy)
    found = await found_on(private.url)
    assert found["maxmemory-policy"].verdict == "refused"
    with pytest.raises(StoreUnfit) as refusal:
        checks.refuse_unfit(list(found.values()))
    assert refusal.value.detail == (
        f"maxmemory-policy is {policy}: under memory pressure the whole log would be evicted; "
        "allowed: noeviction"
    )


async def test_a_replica_is_refused(own_store: Callable[..., PrivateStore]) -> None:
    """A store that can't be written ends the start."""
    replica = own_store()
    with replica.client() as client:
        client.replicaof("127.0.0.1", "1")
    found = await found_on(replica.url)
    assert found["role"].verdict == "refused"
    with pytest.raises(StoreUnfit, match=r"^role is slave: nothing can be written; allowed: the"):
        checks.refuse_unfit(list(found.values()))


async def test_who_may_not_ask_for_options_is_told_what_is_known(
    own_store: Callable[..., PrivateStore],
) -> None:
    """A store that hides its options, as rented ones do, is still checked by what INFO says."""
    private = own_store()
    with private.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
    found = await found_on(private.url)
    assert {subject: each.verdict for subject, each in found.items()} == VERDICTS | {
        "appendfsync": "weak",
        "stream-node-max-entries": "weak",
    }
    assert found["appendfsync"].value == "unknown"
    with private.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "+config")


async def test_a_store_that_is_away_is_unavailable(own_store: Callable[..., PrivateStore]) -> None:
    """A check of nothing says so, and gives no findings."""
    private = own_store()
    private.kill()
    with pytest.raises(StoreUnavailable, match=r"^the store can.t be reached"):
        await found_on(private.url)


def test_nothing_refused_is_nothing_raised() -> None:
    """Weak is not refused; of several the first refusal is told."""
    weak = Finding("a", "1", "weak", "so so")
    first, second = (Finding(name, "x", "refused", "no") for name in ("b", "c"))
    checks.refuse_unfit([])
    checks.refuse_unfit([weak])
    with pytest.raises(StoreUnfit, match=r"^b is x: no$"):
        checks.refuse_unfit([weak, first, second])


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"redis_version": "6.2.14"}, "refused"),
        ({"redis_version": "7.0.0"}, "good"),
        ({"redis_version": "10.1.0-rc1"}, "good"),
        # A Valkey calls itself a Redis 7.2 too, for the sake of older clients.
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1"}, "good"),
    ],
)
def test_an_old_store_is_refused(info: dict[str, str], verdict: str) -> None:
    """Redis 7.0 is the oldest that is taken."""
    assert checks._version(info).verdict == verdict


@pytest.mark.parametrize(
    ("set_up", "asked", "verdict"),
    [(None, "4", "good"), ("4", "4", "good"), ("4", "1", "good"), ("1", "4", "weak")],
)
async def test_the_number_of_partitions_is_the_store_s_own(
    store: Store, settings: Callable[..., Settings], set_up: str | None, asked: str, verdict: str
) -> None:
    """Whatever is set; who has set more is told how to get them."""
    if set_up is not None:
        await Logs(store, settings(partitions=set_up)).settle()
    finding = await checks.check_partitions(store, settings(partitions=asked))
    assert finding.verdict == verdict
    assert (set_up or asked) in finding.value
    if verdict == "weak":
        assert asked in finding.value
        assert "`messenger repartition`" in finding.meaning


async def test_replicas_that_must_have_a_message_are_looked_for() -> None:
    """Fewer than are asked for is weak, and what it means is said; as many are good, and so is a store
    that refuses by itself what they could not confirm."""
    async with replicated() as pair, Store(pair.primary.url) as store:

        async def found(wanted: int) -> dict[str, Finding]:
            return {each.subject: each for each in await checks.check(store, wanted)}

        too_few = (await found(2))["replicas"]
        assert (too_few.verdict, too_few.value) == ("weak", "1, and MESSENGER_REPLICAS is 2")
        assert "503 unconfirmed" in too_few.meaning
        assert (await found(1))["replicas"].verdict == "good"
        least = (await found(1))["min-replicas-to-write"]
        assert (least.verdict, least.value) == ("weak", "0")
        assert "min-replicas-to-write 1" in least.meaning
        with pair.primary.client() as client:
            client.config_set("min-replicas-to-write", "1")
        assert (await found(1))["min-replicas-to-write"].verdict == "good"
        unasked = (await found(0))["replicas"]
        assert unasked.verdict == "weak"
        assert "MESSENGER_REPLICAS" in unasked.meaning


def test_a_replica_that_is_not_heard_of_is_not_counted() -> None:
    """Only one that follows and answers would confirm a message now."""
    told = {
        "role": "master",
        "connected_slaves": "4",
        "slave0": "ip=127.0.0.1,port=1,state=online,offset=14,lag=0",
        "slave1": "ip=127.0.0.1,port=2,state=online,offset=14,lag=30",
        "slave2": "ip=127.0.0.1,port=3,state=wait_bgsave,offset=0,lag=0",
        "slave3": "ip=127.0.0.1,port=4,state=online,offset=0,lag=0",
        "slave_expires_tracked_keys": "0",
    }
    assert in_touch(told) == 1
