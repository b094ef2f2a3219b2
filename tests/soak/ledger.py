"""What a site holds when nobody uses it: memory, file descriptors, tasks, keys, connections."""

import re
from collections import Counter

import aiohttp
import msgspec

from messenger.keys import PREFIX
from tests.faults.site import Site
from tests.hostile.process import figure, open_files, resident_mb

# An allocator keeps a part of what it once had. Of figures that are counted a look of ours may be one.
_MEMORY_TIMES, _MEMORY_MB = 1.1, 15.0
_STORE_MB = 4.0
_COUNTED = 3
# A minute's counts are kept for a day: they grow by design, by one key a minute.
_GROWS = "minute"


class Ledger(msgspec.Struct):
    """By a figure's name; `keys` are counted by their kind."""

    memory_mb: dict[str, float] = {}
    counted: dict[str, float] = {}
    store_mb: float = 0.0
    keys: dict[str, int] = {}


async def take(site: Site, session: aiohttp.ClientSession) -> Ledger:
    """Of the processes that live from the beginning to the end, and of the store."""
    ledger = Ledger()
    for name in ("web1", "worker1"):
        pid = site.members[name].pid
        ledger.memory_mb[name] = resident_mb(pid)
        ledger.counted[f"{name}: files"] = open_files(pid)
    url = site.members["web1"].url
    for what in ("tasks", "subscribers"):
        ledger.counted[f"web1: {what}"] = await figure(session, url, f"messenger_{what}")
    with site.store.client() as client:
        ledger.counted["store: connections"] = len(client.client_list())
        ledger.store_mb = client.info("memory")["used_memory"] / 2**20
        ledger.keys = dict(Counter(kind_of(key.decode()) for key in client.scan_iter(count=5_000)))
    return ledger


def kind_of(key: str) -> str:
    """`messenger:{0}:sent:abc` is of the kind `sent`."""
    return re.sub(r"^\{\d+\}:(view:[^:]+:)?", "", key.removeprefix(PREFIX)).partition(":")[0]


def grown(before: Ledger, after: Ledger) -> list[str]:
    """What is more than it was, in words."""
    found = []
    for name, mb in before.memory_mb.items():
        if after.memory_mb[name] > mb * _MEMORY_TIMES + _MEMORY_MB:
            found.append(f"{name}: memory was {mb:.0f} MB and is {after.memory_mb[name]:.0f}")
    if after.store_mb > before.store_mb + _STORE_MB:
        found.append(f"store: memory was {before.store_mb:.1f} MB and is {after.store_mb:.1f}")
    for name, count in before.counted.items():
        if after.counted[name] > count + _COUNTED:
            found.append(f"{name} were {count:.0f} and are {after.counted[name]:.0f}")
    for kind in sorted(after.keys.keys() - {_GROWS}):
        if after.keys[kind] > before.keys.get(kind, 0):
            found.append(
                f"store: keys of {kind} were {before.keys.get(kind, 0)} and are {after.keys[kind]}"
            )
    return found


def table(before: Ledger, after: Ledger) -> str:
    """Both, as a table in Markdown."""
    rows = [("what", "at the beginning", "at the end"), ("---", "---", "---")]
    for name, mb in before.memory_mb.items():
        rows.append((f"{name}: memory", f"{mb:.0f} MB", f"{after.memory_mb[name]:.0f} MB"))
    rows.append(("store: memory", f"{before.store_mb:.1f} MB", f"{after.store_mb:.1f} MB"))
    for name, count in before.counted.items():
        rows.append((name, f"{count:.0f}", f"{after.counted[name]:.0f}"))
    for kind in sorted(before.keys.keys() | after.keys.keys()):
        counts = before.keys.get(kind, 0), after.keys.get(kind, 0)
        rows.append((f"store: keys of {kind}", *map(str, counts)))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
