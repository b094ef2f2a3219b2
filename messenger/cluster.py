"""Which server of a cluster has which partition, and the ways to it.

A partition is in one slot, that of its hash tag. The servers tell each other who has a slot by the
highest config epoch (redis.io/docs, cluster spec); several are asked, and the same rule decides among
their answers, so that one that is cut off from the others does not mislead us.
"""

import binascii
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from messenger.address import Address, Argument
from messenger.errors import StoreUnavailable, StoreUnfit
from messenger.inquiry import Inquiry, soon
from messenger.pipe import Pipe, Settle, Wire
from messenger.replies import Rejected, Reply, Soon
from messenger.scripts import Script, guarded
from messenger.where import Fixed, Server

SLOTS = 16_384
# So many servers are asked at once.
_ASKED = 5
# Errors that say that the map is old.
_OLD = ("MOVED ", "CLUSTERDOWN ", "READONLY ", "MASTERDOWN ", "UNBLOCKED force")


def slot_of(partition: int) -> int:
    """CRC-16 (XMODEM) of the keys' hash tag, modulo the slots."""
    return binascii.crc_hqx(str(partition).encode(), 0) % SLOTS


class _Range(NamedTuple):
    """Slots and who has them, as one server tells it."""

    epoch: int
    first: int
    last: int
    primary: Address
    replicas: list[Address]


class Topology:
    """Who has which slot, from the answers of several servers: of two that claim a slot the one with
    the higher epoch has it."""

    def __init__(self, told: Sequence[_Range]) -> None:
        self.owners: list[Address | None] = [None] * SLOTS
        # By their primary's name.
        self._replicas: dict[str, dict[str, Address]] = {}
        for each in sorted(told, key=lambda one: one.epoch):
            self.owners[each.first : each.last + 1] = [each.primary] * (each.last + 1 - each.first)
            self._replicas[each.primary.name] = {one.name: one for one in each.replicas}

    def servers(self) -> list[Server]:
        """All of them: the primaries, by their first slot, then the replicas."""
        found: dict[str, tuple[Address, list[tuple[int, int]]]] = {}
        for slot, owner in enumerate(self.owners):
            if owner is None:
                continue
            _, ranges = found.setdefault(owner.name, (owner, []))
            first = ranges.pop()[0] if ranges and ranges[-1][1] == slot - 1 else slot
            ranges.append((first, slot))
        replicas = {name: self._replicas[name] for name in found}
        others = {name: each for those in replicas.values() for name, each in those.items()}
        return [
            *(
                Server(owner, True, tuple(ranges), len(replicas[name]))
                for name, (owner, ranges) in found.items()
            ),
            *(
                Server(others[name], is_primary=False)
                for name in sorted(others)
                if name not in found
            ),
        ]


class Cluster:
    """`seeds` are servers that may be asked for the others; all are greeted as these are."""

    def __init__(self, seeds: Sequence[Address]) -> None:
        self._seeds = {each.name: each for each in seeds}
        self._known = dict(self._seeds)
        self._inquiry = Inquiry(self._ask)
        self._pipes: dict[str, Pipe] = {}

    def where(self, partition: int) -> "Slot":
        return Slot(self, slot_of(partition))

    def pipe(self, partition: int) -> Pipe:
        """A partition's pipe, over the one connection to its server."""
        return Shared(self.where(partition), self.pipe_to)

    def pipe_to(self, server: Address) -> Pipe:
        """The one connection to a server, whatever it has or is."""
        if server.name not in self._pipes:
            self._pipes[server.name] = Pipe(Member(self, server))
        return self._pipes[server.name]

    async def close(self) -> None:
        for pipe in self._pipes.values():
            await pipe.close()

    async def topology(self) -> Topology:
        """As it is now."""
        return await self._inquiry.asked()

    async def find(self, slot: int) -> Address:
        owner = (await self._inquiry.known()).owners[slot]
        if owner is None:
            self._inquiry.doubt()
            raise Soon(f"no server of the cluster has the slot {slot}")
        return owner

    def doubt(self, at: Address, reply: str = "") -> bool:
        """As Where.doubt. MOVED names the new owner, so nobody has to be asked."""
        if not reply:
            self._inquiry.doubt()
            return False
        known = self._inquiry.answer
        if reply.startswith("MOVED ") and known is not None:
            _, slot, place = reply.split(" ", 2)
            known.owners[int(slot)] = _read_place(place, at)
            return True
        if reply.startswith(_OLD):
            self._inquiry.doubt()
            return True
        return False

    async def _ask(self) -> Topology:
        """Asks some of the servers, and takes what comes soon."""
        servers = list(self._known.values())
        asked = random.sample(servers, min(_ASKED, len(servers)))
        try:
            told = await soon(_tell(each) for each in asked)
        except StoreUnavailable:
            self._known |= self._seeds
            raise
        found = Topology([each for one in told for each in one])
        self._known = {each.address.name: each.address for each in found.servers()} or self._known
        return found


class Slot(NamedTuple):
    """Where one slot is."""

    cluster: Cluster
    slot: int

    async def find(self) -> Address:
        return await self.cluster.find(self.slot)

    def doubt(self, at: Address, reply: str = "") -> bool:
        return self.cluster.doubt(at, reply)


class Member(NamedTuple):
    """Where one server of a cluster is; what it says of others is heeded."""

    cluster: Cluster
    address: Address

    async def find(self) -> Address:
        return self.address

    def doubt(self, at: Address, reply: str = "") -> bool:
        return self.cluster.doubt(at, reply)


class Shared(Pipe):
    """The pipe of a slot, over a connection that all slots of its server share."""

    def __init__(self, slot: Slot, pipe_to: Callable[[Address], Pipe]) -> None:
        super().__init__(slot)
        self._pipe_to = pipe_to

    async def run(
        self,
        script: Script,
        keys: Sequence[Argument],
        args: Sequence[Argument],
        settle: Settle | None = None,
    ) -> Reply:
        return await super().run(guarded(script), keys, args, settle)

    async def close(self) -> None:
        """The connection is the others', too."""
        self._closed = True

    async def _connect(self) -> Wire:
        self._wire = await self._pipe_to(await self._where.find()).connected()
        return self._wire


async def _tell(server: Address) -> list[_Range]:
    """What one server says of who has which slot."""
    pipe = Pipe(Fixed(server))
    try:
        slots, nodes = await pipe.once(("CLUSTER", "SLOTS"), ("CLUSTER", "NODES"))
    except Rejected as error:
        raise StoreUnfit(
            f"the store at {server.name} is no cluster ({error}); "
            "allowed: redis+cluster:// for one, redis:// for a single store"
        ) from None
    finally:
        await pipe.close()
    epochs = _epochs(nodes.decode())
    return [
        _Range(
            epochs.get(primary[2], 0),
            first,
            last,
            _place(primary, server),
            [_place(each, server) for each in replicas],
        )
        for first, last, primary, *replicas in slots
    ]


def _epochs(nodes: str) -> dict[bytes, int]:
    """The config epoch of each server, by its id (redis.io/commands/cluster-nodes)."""
    lines = [line.split(" ") for line in nodes.splitlines()]
    return {words[0].encode(): int(words[6]) for words in lines if len(words) > 6}


def _place(told: Reply, by: Address) -> Address:
    """A server as CLUSTER SLOTS names it: without a host it is where the one is that was asked."""
    host = told[0].decode() if told[0] else ""
    return by.at(host if host not in ("", "?") else by.options["host"], told[1])


def _read_place(text: str, by: Address) -> Address:
    """The same as MOVED names it: `host:port`."""
    host, _, port = text.rpartition(":")
    return by.at(host.strip("[]") if host not in ("", "?") else by.options["host"], int(port))
