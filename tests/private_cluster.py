"""A cluster of the tests' own: three primaries, each with a replica, formed without any tool."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import redis
from redis.cluster import ClusterNode, RedisCluster

from tests.private_store import PrivateStore

SLOTS = 16_384
# A server that is silent for so long has failed. A loaded machine needs some.
NODE_TIMEOUT_MS = 1_500


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


class Node(PrivateStore):
    """One server of a cluster, on a port of loopback."""

    def __init__(self, server: Path | None, port: int, bus: int, **given: str) -> None:
        super().__init__(server, **given)
        self.port, self.bus = port, bus
        self.name = f"127.0.0.1:{port}"
        self.options += [
            *("--port", str(port), "--bind", "127.0.0.1", "--protected-mode", "no"),
            *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
            *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0"),
            *("--cluster-replica-validity-factor", "0", "--repl-ping-replica-period", "1"),
            *("--shutdown-timeout", "0", "--enable-debug-command", "yes"),
        ]

    @property
    def id(self) -> str:
        with self.client() as client:
            return str(client.execute_command("CLUSTER", "MYID").decode())

    def facts(self) -> dict[str, str]:
        """What it says of the cluster, and of its own part in it."""
        with self.client() as client:
            told = client.execute_command("CLUSTER", "INFO")
            if not isinstance(told, dict):
                told = dict(line.split(":") for line in told.decode().split())
            found = {str(name): str(value) for name, value in told.items()}
            return found | {str(k): str(v) for k, v in client.info("replication").items()}

    def take_over(self) -> None:
        """Becomes the primary in place of its own, by hand; nothing is lost by it."""
        with self.client() as client:
            client.execute_command("CLUSTER", "FAILOVER")
        wait_for(lambda: self.facts()["role"] == "master", "it takes over")

    def is_ready_to_serve(self) -> bool:
        facts = self.facts()
        is_linked = facts["role"] == "master" or facts["master_link_status"] == "up"
        return facts["cluster_state"] == "ok" and is_linked


class PrivateCluster:
    """`nodes`: the primaries, each with an equal part of the slots, then their replicas, in the same
    order. `url` names two of them, as an operator would."""

    def __init__(
        self, server: Path | None = None, primaries: int = 3, replicas: int = 1, **given: str
    ) -> None:
        self.primaries = primaries
        ports = free_ports(primaries * (1 + replicas) * 2)
        self.nodes = [
            Node(server, port, bus, **given)
            for port, bus in zip(ports[::2], ports[1::2], strict=True)
        ]
        self.url = f"redis+cluster://{self.nodes[0].name},{self.nodes[-1].name}"

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.nodes):
            with node.client() as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                if number < self.primaries:
                    client.execute_command("CLUSTER", "ADDSLOTSRANGE", *self.slots_of(number))
                for other in self.nodes[:number]:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus)
        wait_for(lambda: all(self._knows_all(node) for node in self.nodes), "the servers meet")
        for primary, replica in self.pairs():
            with replica.client() as client:
                client.execute_command("CLUSTER", "REPLICATE", primary.id)
        self.wait_ready()

    def slots_of(self, number: int) -> tuple[int, int]:
        """The first and the last slot of a primary, at the start."""
        first, after = (SLOTS * each // self.primaries for each in (number, number + 1))
        return first, after - 1

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        return zip(self.nodes[: self.primaries], self.nodes[self.primaries :], strict=False)

    def wait_ready(self) -> None:
        """Every server is there, sees the cluster whole, and every replica follows."""
        for node in self.nodes:
            node.wait_ready()
        wait_for(self.is_whole, "the cluster is whole")

    def is_whole(self) -> bool:
        return all(node.is_ready_to_serve() for node in self.nodes)

    def restore(self) -> None:
        """Who was a primary at the start is one again."""
        for primary, _ in self.pairs():
            if primary.facts()["role"] != "master":
                primary.take_over()
        wait_for(self._has_its_roles, "each is again what it was at the start")
        self.wait_ready()

    def _has_its_roles(self) -> bool:
        """A primary that was deposed learns of it a moment later."""
        return all(
            (primary.facts()["role"], replica.facts()["role"]) == ("master", "slave")
            for primary, replica in self.pairs()
        )

    def owner(self, slot: int) -> Node:
        """The server that has a slot, as the others see it."""
        asked = next(node for node in self.nodes if node.is_alive)
        with asked.client() as client:
            for first, last, primary, *_ in client.execute_command("CLUSTER", "SLOTS"):
                if first <= slot <= last:
                    return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError(f"nobody has the slot {slot}")

    def client(self) -> RedisCluster:
        nodes = [ClusterNode("127.0.0.1", node.port) for node in self.nodes if node.is_alive]
        return RedisCluster(startup_nodes=nodes)

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()

    def _knows_all(self, node: Node) -> bool:
        with node.client() as client:
            told = client.execute_command("CLUSTER", "NODES")
        text = told.decode() if isinstance(told, bytes) else str(told)
        is_known = node.facts()["cluster_known_nodes"] == str(len(self.nodes))
        return is_known and "handshake" not in text


def wait_for(look: Callable[[], bool], description: str, seconds: float = 30.0) -> None:
    """As wait_until, outside of a loop."""
    until = time.monotonic() + seconds
    while not _is_true(look):
        assert time.monotonic() < until, f"never came true within {seconds} s: {description}"
        time.sleep(0.02)


def _is_true(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except redis.exceptions.RedisError:
        return False
