"""All faults, by their names in docs/reliability.md."""

import asyncio

from tests.faults import clients, clusters, crews, failover, network, processes, storage
from tests.faults.clusters import ClusterSite
from tests.faults.rounds import Fault, Round
from tests.faults.upright import UpSite

_TEXTS = {"pause_s": 0.02, "padding": 1_900, "rooms": 1}
# Where events leave by the window, an erasure can no more be told from a post that was counted.
_ALL_COUNT = {"erasures": 0.0}


async def mix(this: Round) -> None:
    """Two harms of any kind at a time."""
    kinds = (
        *(network.harm_network, network.lose_replies, storage.freeze, storage.kill),
        *(processes.kill_webs, processes.kill_workers, processes.freeze_webs),
    )
    chosen = this.rng.sample(kinds, 2)
    this.notes.append(" and ".join(harm.__name__ for harm in chosen))
    await asyncio.gather(*(harm(this) for harm in chosen))


FAULTS = (
    Fault("F1", "reply lost after the command was done", network.lose_replies),
    Fault("F2", "store frozen (SIGSTOP)", storage.freeze),
    Fault("F3", "store killed (-9)", storage.kill),
    Fault("F3a", "the same, synced always", storage.kill, durability="always"),
    Fault("F4", "power lost, synced every second", storage.lose_power),
    Fault("F4a", "power lost, synced always", storage.lose_power_synced, durability="always"),
    Fault("F5", "store emptied", storage.empty),
    Fault("F6", "clock stepped by an hour", storage.step_clock, is_of_time=True, load=_ALL_COUNT),
    Fault("F7", "workers killed (-9)", processes.kill_workers),
    Fault("F8", "entries that break the contract", processes.poison),
    Fault(
        "F9",
        "workers frozen past the window",
        processes.outlast_window,
        window="4s",
        load=_ALL_COUNT,
    ),
    Fault("F10", "primary lost, replica promoted", failover.fail_over),
    Fault(
        "F10a",
        "the same, a replica must have what is accepted",
        failover.fail_over_confirmed,
        site=failover.StrictSite,
    ),
    Fault("F11", "cluster: primary killed (-9)", clusters.kill_primary, site=ClusterSite),
    Fault("F11a", "cluster: primary cut off", clusters.cut_off_primary, site=ClusterSite),
    Fault("F11b", "cluster: primary frozen", clusters.freeze_primary, site=ClusterSite),
    Fault("F11c", "cluster: slot moved at once", clusters.move_slot_at_once, site=ClusterSite),
    Fault("F11d", "cluster: slot moved by keys", clusters.move_slot_by_keys, site=ClusterSite),
    Fault(
        "F12",
        "memory full of messages",
        storage.fill,
        load={**_ALL_COUNT, "padding": 1_900, "pause_s": 0.01},
    ),
    Fault("F12a", "memory full of something else", storage.fill_with_others),
    Fault("F13", "readers that never read", clients.never_read, load=_TEXTS, readers_stay=True),
    Fault("F14", "requests that never end", clients.dawdle),
    Fault("F15", "requests cut off by their clients", clients.cut_off_requests),
    Fault("F16", "web processes restarted (SIGTERM)", processes.restart_rolling),
    Fault(
        "workers",
        "web workers killed (-9), frozen, restarted one by one (SIGHUP)",
        crews.harm_workers,
        web_workers=2,
    ),
    Fault("F17", "disk full for the append-only file", storage.fill_disk),
    Fault("F18", "two projectors, one frozen with entries", processes.take_over),
    Fault("network", "links slow, silent, reset, refused", network.harm_network),
    Fault("apart", "one web process without the store", network.set_apart),
    Fault("away", "store unreachable for seconds", network.cut_off),
    Fault("readonly", "store read-only for seconds", storage.refuse_writes),
    Fault("webs", "web processes killed (-9)", processes.kill_webs),
    Fault("frozen", "web processes frozen (SIGSTOP)", processes.freeze_webs),
    Fault("up", "`messenger up` and its store killed (-9)", processes.kill_up, site=UpSite),
    Fault("mix", "two of these at a time", mix),
)
