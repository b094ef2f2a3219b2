"""The messenger on a cluster of three primaries, each with a replica."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from messenger import checks, rights
from messenger.checks_of_servers import check_servers
from messenger.cluster import SLOTS, slot_of
from messenger.connection import Store
from messenger.errors import StoreUnfit
from messenger.keys import partition_of
from messenger.replies import Rejected
from tests.commands import Commands, Done
from tests.consuming import QUICK, drain
from tests.private_cluster import PrivateCluster, free_ports
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.users import url_as
from tests.waiting import wait_until

PARTITIONS = 8
ROOMS = [f"room-{number}" for number in range(24)]

Run = Callable[..., Awaitable[Messenger]]


@pytest.fixture
async def messenger(cluster: PrivateCluster, run_messenger: Run) -> Messenger:
    return await run_messenger(cluster, partitions=str(PARTITIONS))


async def post_everywhere(messenger: Messenger) -> list[str]:
    """One message in each room; their texts, in the order in which they were posted."""
    texts = [f"hello {room}" for room in ROOMS]
    for room, text in zip(ROOMS, texts, strict=True):
        await messenger.post(text, room)
    return texts


async def run(cluster: PrivateCluster, *words: str, role: str | None = None) -> Done:
    url = cluster.url if role is None else url_as(cluster.url, role)
    async with Commands(MESSENGER_STORE_URL=url) as commands:
        return await commands.run(*words)


def test_a_partition_s_slot_is_the_store_s_own(cluster: PrivateCluster) -> None:
    """The slot that we reckon is the one that the servers reckon, and partitions come to all three."""
    with cluster.nodes[0].client() as client:
        for partition in range(64):
            key = f"messenger:{{{partition}}}:log"
            assert client.execute_command("CLUSTER", "KEYSLOT", key) == slot_of(partition)
    spread = Counter(slot_of(partition) * 3 // SLOTS for partition in range(16))
    assert sorted(spread.values()) == [4, 6, 6]


async def test_rooms_of_all_servers_are_served(messenger: Messenger) -> None:
    """Rooms whose partitions are on different servers are posted to, streamed and read alike."""
    assert {partition_of(room, PARTITIONS) for room in ROOMS} == set(range(PARTITIONS))
    for room in ROOMS:
        async with messenger.stream(room) as stream:
            await stream.next()
            posted = await messenger.post("hello", room)
            assert (await stream.next()).id == posted["id"]
    for room in ROOMS:
        assert await messenger.texts(room) == ["hello"]
    async with messenger.session.get(f"{messenger.url}/health/ready") as response:
        assert await response.json() == {"status": "ready", "problems": []}


async def test_partitions_of_a_server_share_a_connection(cluster: PrivateCluster) -> None:
    """What is asked of several partitions goes to each server over one connection."""
    async with Store(cluster.url) as store:
        pipes = [store.of(partition).pipe for partition in range(64)]
        for partition, pipe in enumerate(pipes):
            await pipe.call("HGET", f"messenger:{{{partition}}}:meta", "epoch")
        for primary, _ in cluster.pairs():
            with primary.client() as client:
                named = [each["name"] for each in client.client_list()]
            assert named.count("messenger-pipe") == 1


async def test_the_view_of_every_server_is_looked_through(
    messenger: Messenger, cluster: PrivateCluster
) -> None:
    """`verify` and `rebuild` find what is on each server, with the rights of an operator."""
    await post_everywhere(messenger)
    whole = f"{len(ROOMS)} entries: the view is "

    async def is_whole() -> bool:
        return (await run(cluster, "verify", role="operator")).out.startswith(whole)

    await wait_until(is_whole, "the view has all")
    for primary, _ in cluster.pairs():
        with primary.client() as client:
            rows = list(client.scan_iter("messenger:*:message:*"))
            assert rows
            client.delete(rows[0])
    assert "missing-row" in (found := await run(cluster, "verify", role="operator")).out
    assert found.out.splitlines()[-1].startswith(f"{len(ROOMS)} entries, 3 differences")
    done = await run(cluster, "rebuild", role="operator")
    assert done.out.startswith(f"{len(ROOMS)} entries: the view is new"), done.err
    assert await is_whole()


async def test_a_replay_has_one_order_over_all_servers(
    messenger: Messenger, cluster: PrivateCluster
) -> None:
    """A replay merges the logs of all servers by id, and a group's consumer is given each entry once."""
    await post_everywhere(messenger)
    replayed = await run(cluster, "replay", role="operator")
    ids = [json.loads(line)["id"] for line in replayed.out.splitlines()]
    assert len(ids) == len(ROOMS)
    assert ids == sorted(ids, key=lambda each: [int(part) for part in each.split("-")])
    consumed = await run(cluster, "consume", "--group", "mine", "--once")
    assert sorted(json.loads(line)["id"] for line in consumed.out.splitlines()) == sorted(ids)
    listed = await run(cluster, "groups", "--json", role="operator")
    rows = [json.loads(line) for line in listed.out.splitlines()]
    mine = [row for row in rows if row["group"] == "mine"]
    assert sum(row["handled"] for row in mine) == len(ROOMS)
    assert [row["partition"] for row in mine] == list(range(PARTITIONS))


async def test_an_effect_on_another_server_is_refused(
    messenger: Messenger, cluster: PrivateCluster
) -> None:
    """A consumer's effect is one step with its mark, so its keys must be in the partition's slot: any
    other key is an error of the handler, and not waited for."""
    await messenger.post("hello", ROOMS[0])
    outcomes: list[str] = []

    async def handle(delivery: Delivery) -> None:
        try:
            await consumer.once(delivery, ("SET", "elsewhere", "1", "PX", 60_000))
        except Rejected as error:
            outcomes.append(str(error))
        ours = f"{{{delivery.partition}}}:here"
        outcomes.append(str(await consumer.once(delivery, ("SET", ours, "1", "PX", 60_000))))

    async with Consumer(cluster.url, "mine", retries=QUICK) as consumer:
        await drain(consumer, handle)
    refused, done = outcomes
    assert done == "True"
    assert "non local key" in refused or "same slot" in refused


async def test_doctor_tells_which_server_has_which_partition(
    messenger: Messenger, cluster: PrivateCluster
) -> None:
    """Each primary is a line, with its partitions and how many can take over."""
    found = await run(cluster, "doctor", "--json", "--partitions", str(PARTITIONS))
    assert found.code == 0, found.out
    findings = [json.loads(line) for line in found.out.splitlines()]
    servers = [each for each in findings if each["subject"] == "server"]
    expected = ["partitions 3, 7", "partitions 1-2, 5-6", "partitions 0, 4"]
    assert [each["value"] for each in servers] == [
        f"{primary.name}, {value}"
        for (primary, _), value in zip(cluster.pairs(), expected, strict=True)
    ]
    assert {each["meaning"] for each in servers} == {"with 1 to take over if it fails"}
    told = {each["subject"]: each for each in findings}
    assert told["clocks"]["verdict"] == "good"
    assert told["version"]["value"].startswith("valkey ")


async def test_a_server_without_a_partition_is_told_of(cluster: PrivateCluster) -> None:
    """Of three partitions none falls to the second server: that is weak."""
    async with Store(cluster.url) as store:
        found = await check_servers(store, 3)
    values = [each.value.partition(", ")[2] for each in found if each.subject == "server"]
    assert values == ["no partition", "partitions 1-2", "partition 0"]
    assert [each.verdict for each in found][:3] == ["weak", "good", "good"]


async def test_what_is_not_the_same_on_all_servers_is_told_of_each(
    cluster: PrivateCluster,
) -> None:
    """One server that evicts is named, and refused like a store that does."""
    node = cluster.nodes[1]
    with node.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            async with Store(cluster.url) as store:
                found = await checks.check(store)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(StoreUnfit, match=f"^maxmemory-policy of {node.name} is allkeys-lru"):
        checks.refuse_unfit(found)


async def test_users_are_made_on_every_server(cluster: PrivateCluster) -> None:
    """`messenger acl --apply` gives each server its users, the replicas too: any may be a primary."""
    group = ("--role", "downstream", "--group", "theirs", "--apply")
    async with Commands(MESSENGER_STORE_URL=cluster.url) as commands:
        done = await commands.run("acl", *group, "--passwords", str(commands.data_dir / "words"))
    assert done.code == 0, done.err
    assert done.out == "messenger-downstream-theirs may do the work of downstream\n"
    for node in cluster.nodes:
        with node.client() as client:
            assert "messenger-downstream-theirs" in client.acl_users()
            client.acl_deluser("messenger-downstream-theirs")


async def test_a_user_that_one_server_lacks_is_refused_at_the_start(
    cluster: PrivateCluster,
) -> None:
    """A server where our user may do less is found before anything is served."""
    node = cluster.nodes[2]
    user = rights.user_of("web")
    with node.client() as client:
        client.execute_command("ACL", "SETUSER", user, "clearselectors")
        try:
            async with Store(url_as(cluster.url, "web")) as store:
                found = await checks.check_rights(store, "web")
        finally:
            client.acl_load()
    assert found.verdict == "refused"


async def test_the_wrong_kind_of_url_is_said(cluster: PrivateCluster) -> None:
    """A cluster's server as a store, and a store as a cluster: both say which URL is right."""
    async with Store(f"redis://{cluster.nodes[0].name}") as store:
        with pytest.raises(StoreUnfit, match=r"allowed: redis\+cluster:// before its address"):
            checks.refuse_unfit(await checks.check(store))
    alone, (port,) = PrivateStore(), free_ports(1)
    alone.options += ["--port", str(port), "--bind", "127.0.0.1"]
    try:
        alone.start()
        async with Commands(MESSENGER_STORE_URL=f"redis+cluster://127.0.0.1:{port}") as commands:
            done = await commands.run("list")
    finally:
        alone.remove()
    assert done.code == 2
    assert "is no cluster" in done.one_line()


async def test_a_cluster_that_is_away_is_unavailable() -> None:
    """Where no server answers, a command says so as for any store."""
    ports = free_ports(2)
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
    async with Commands(MESSENGER_STORE_URL=url) as commands:
        done = await commands.run("list")
    assert done.code == 3
    assert "can't be reached" in done.one_line()
