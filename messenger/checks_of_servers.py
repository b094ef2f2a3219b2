"""What a store of several servers is: who has which partitions, and whether their clocks agree."""

import asyncio
import time
from collections.abc import Sequence

from messenger.checks import Finding
from messenger.clock import ms_of
from messenger.cluster import slot_of
from messenger.connection import Store
from messenger.where import Server

# Each partition's messages are judged by its server's clock; what is shown of several, by the one that
# is ahead.
_APART_MS = 500.0


async def check_servers(store: Store, partitions: int) -> list[Finding]:
    """A finding for each primary of a cluster, and one about their clocks; none for other stores."""
    if not store.is_cluster:
        return []
    primaries = [each for each in await store.servers() if each.is_primary]
    places = [_partitions_of(each, partitions) for each in primaries]
    return [
        *(_server(*each) for each in zip(primaries, places, strict=True)),
        await _clocks(store, primaries),
    ]


def _partitions_of(server: Server, partitions: int) -> list[int]:
    return [
        each
        for each in range(partitions)
        if any(first <= slot_of(each) <= last for first, last in server.slots)
    ]


def _server(server: Server, places: Sequence[int]) -> Finding:
    name = server.address.name
    if not places:
        return Finding(
            "server",
            f"{name}, no partition",
            "weak",
            "it has nothing to do; more partitions (`messenger repartition`), or another share of "
            "the slots would spread the rooms better",
        )
    word = "partitions" if len(places) > 1 else "partition"
    shown = f"{name}, {word} {_shown(places)}"
    if not server.replicas:
        return Finding("server", shown, "weak", "without a replica: if it fails they stand still")
    return Finding("server", shown, "good", f"with {server.replicas} to take over if it fails")


def _shown(places: Sequence[int]) -> str:
    """The numbers, those that follow each other as 3-7."""
    runs: list[list[int]] = []
    for each in places:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


async def _clocks(store: Store, primaries: Sequence[Server]) -> Finding:
    ahead = await asyncio.gather(*(_ahead_ms(store, each) for each in primaries))
    apart = max(ahead) - min(ahead)
    shown = f"{apart:.0f} ms apart"
    if apart > _APART_MS:
        return Finding(
            "clocks", shown, "weak", "what is the last second of a message is not the same for all"
        )
    return Finding("clocks", shown, "good", "each partition's messages go by its server's clock")


async def _ahead_ms(store: Store, server: Server) -> float:
    """How far a server's clock is ahead of ours; the way there and back counts by half."""
    pipe = store.on(server)
    await pipe.call("TIME")  # connects
    asked = time.time() * 1_000
    told = ms_of(await pipe.call("TIME"))
    return told - (asked + time.time() * 1_000) / 2
