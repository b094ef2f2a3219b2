"""Of a cluster each server is watched by itself: where one is nearly full, only what it has is cut."""

from collections.abc import Callable

from consumers.cutter import HIGH, Cutter
from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.past import fill
from tests.private_cluster import PrivateCluster
from tests.raw import now_ms

MESSAGES = 2_000
PARTITIONS = 6


async def test_only_the_server_that_is_full_is_cut(
    own_cluster: Callable[..., PrivateCluster], settings: Callable[..., Settings]
) -> None:
    """The oldest of the logs on it go; those on the others stay whole."""
    cluster = own_cluster()
    async with Store(cluster.url) as store:
        logs = Logs(store, settings(partitions=str(PARTITIONS)))
        await logs.settle()
        places = {log.keys.partition: await log.store.pipe.server() for log in logs.all}
        nodes = {node.name: node for node in cluster.nodes}
        for log in logs.all:
            with nodes[places[log.keys.partition]].client() as client:
                begin = now_ms(client) - 30_000
                ids = [f"{begin + 10 * at}-0" for at in range(MESSAGES)]
                fill(client, ids, log.keys.partition, text="x" * 1_500)
        full = places[PARTITIONS - 1]
        assert len(set(places.values())) > 1
        with nodes[full].client() as client:
            info = client.info("memory")
            used = info["used_memory"] - info["mem_not_counted_for_evict"]
            client.config_set("maxmemory", str(int(used / (HIGH + 0.04))))
        cutter = Cutter(logs)
        gone = await cutter.step() + await cutter.step()
        while cutter.is_cutting:
            gone += await cutter.step()
        left = {
            log.keys.partition: await log.store.pipe.call("XLEN", log.keys.log) for log in logs.all
        }
    assert gone > 0
    for partition, entries in left.items():
        assert (entries < MESSAGES) is (places[partition] == full)
