"""What a store is, and what that means for the promises: looked at before anything is served."""

import re
from typing import Literal

import msgspec

from messenger import partitions, rights
from messenger.address import Address
from messenger.connection import Store
from messenger.errors import StoreUnfit
from messenger.pipe import Pipe
from messenger.replicas import in_touch
from messenger.replies import NotPermitted, Rejected, facts, info
from messenger.right import Right
from messenger.roles import ROLES
from messenger.settings import Settings

_OLDEST = (7, 0)
# In percent; consumers/cutter.py begins there.
_NEARLY_FULL = 90
_NOT_TOLD = "is not told to this user; run `messenger doctor` as the store's administrator"


class Finding(msgspec.Struct, frozen=True):
    """One fact and its meaning. `refused` ends the start; `weak` is a promise not fully kept."""

    subject: str
    value: str
    verdict: Literal["good", "weak", "refused"]
    meaning: str


async def check(store: Store, replicas: int = 0) -> list[Finding]:
    """Every finding about a store; StoreUnavailable if it can't be asked. What is not the same on all
    of its primaries is told of each. `replicas` is how many must have a message."""
    primaries = [each for each in await store.servers() if each.is_primary]
    found = [
        await _check_server(store.on(each), replicas, is_cluster=store.is_cluster)
        for each in primaries
    ]
    if len(set(map(tuple, found))) == 1:
        return found[0]
    return [
        msgspec.structs.replace(each, subject=f"{each.subject} of {server.address.name}")
        for server, findings in zip(primaries, found, strict=True)
        for each in findings
    ]


async def _check_server(pipe: Pipe, replicas: int, *, is_cluster: bool) -> list[Finding]:
    told = info(await pipe.call("INFO"))
    config = await _config(pipe)
    return [
        *_mode(told, is_cluster=is_cluster),
        _version(told),
        _eviction(told, config),
        _memory(told),
        _append_only(told, config),
        _nodes(config),
        *(_confirmation(told, config, replicas) if replicas else [_replication(told)]),
    ]


async def check_partitions(store: Store, settings: Settings) -> Finding:
    """How many partitions the store has; more may have been wished for."""
    found, wanted = await partitions.count(store), settings.partitions
    if found is None:
        return Finding("partitions", str(wanted), "good", "as set, once the store is first used")
    if found < wanted:
        return Finding(
            "partitions",
            f"{found}, and MESSENGER_PARTITIONS is {wanted}",
            "weak",
            "the store's own number holds: the setting is for a store that nobody has used; "
            "`messenger repartition` makes more of them",
        )
    return Finding("partitions", str(found), "good", "every room keeps its log and its order")


def refuse_unfit(findings: list[Finding]) -> None:
    """Raises StoreUnfit for the first finding that a messenger can't live with."""
    for finding in findings:
        if finding.verdict == "refused":
            raise StoreUnfit(f"{finding.subject} is {finding.value}: {finding.meaning}")


async def check_rights(store: Store, *roles: str) -> Finding:
    """Which of the roles our user may play; refused if none: what it may not do would fail later.
    Each server has users of its own: of several the one that lets us do the least is told of."""
    found = []
    for server in await store.servers():
        if server.is_primary:
            found.append(await _check_rights(store, store.on(server), *roles))
    order = ("refused", "weak", "good")
    return min(found, key=lambda each: order.index(each.verdict))


async def _check_rights(store: Store, pipe: Pipe, *roles: str) -> Finding:
    user = await rights.who(pipe)
    if user is None:
        return Finding("rights", "unknown", "weak", "the store does not say what we may do")
    database = rights.database_of(store)
    lacking = {role: await rights.lacking(pipe, user, ROLES[role], database) for role in roles}
    able = [role for role in roles if not lacking[role]]
    if None in lacking.values():
        return Finding("rights", user, "weak", "the store does not say what this user may do")
    if not able:
        return Finding(
            "rights",
            f"{user}, which may not {(lacking[roles[0]] or [''])[0]}",
            "refused",
            f"allowed: a user as `messenger acl --role {roles[0]}` of this version writes it",
        )
    if user == "default" and not _is_guarded(store.address):
        return Finding(
            "rights",
            "default, without a password",
            "weak",
            "whoever reaches the store may do everything in it; `messenger acl` makes users",
        )
    return Finding("rights", user, "good", f"may do the work of {', '.join(able)}")


def _is_guarded(address: Address) -> bool:
    """A socket lies in a folder that has its owner; a port is open to whoever gets there."""
    return "path" in address.options or bool(address.options.get("password"))


# May this be asked? It tells passwords too, so the roles have no right to it.
_ASK = Right("CONFIG GET maxmemory-policy", "the options that the promises hang on")
_OPTIONS = (
    *("maxmemory-policy", "appendfsync", "aof-use-rdb-preamble", "stream-node-max-entries"),
    "min-replicas-to-write",
)


async def _config(pipe: Pipe) -> dict[str, str]:
    """The options that matter; empty where the store does not let us ask."""
    user = await rights.who(pipe)
    if user is not None and await rights.lacking(pipe, user, (_ASK,)):
        return {}
    try:
        raw = await pipe.call("CONFIG", "GET", *_OPTIONS)
    except (Rejected, NotPermitted):
        return {}
    return {name: value.decode() for name, value in facts(raw).items()}


def _mode(told: dict[str, str], *, is_cluster: bool) -> list[Finding]:
    """Nothing to say where the URL fits."""
    if told.get("cluster_enabled") != "1" or is_cluster:
        return []
    return [
        Finding(
            "mode",
            "a server of a cluster",
            "refused",
            "it has only some of the partitions; allowed: redis+cluster:// before its address",
        )
    ]


def _version(told: dict[str, str]) -> Finding:
    name = "valkey" if "valkey_version" in told else "redis"
    version = str(told.get("valkey_version") or told["redis_version"])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    shown = f"{name} {version}"
    if numbers < _OLDEST:
        return Finding("version", shown, "refused", "allowed: Redis 7.0 or newer, or a Valkey")
    return Finding("version", shown, "good", "has every command that is needed")


def _eviction(told: dict[str, str], config: dict[str, str]) -> Finding:
    policy = config.get("maxmemory-policy") or str(told.get("maxmemory_policy", "unknown"))
    if policy.startswith("allkeys-"):
        return Finding(
            "maxmemory-policy",
            policy,
            "refused",
            "under memory pressure the whole log would be evicted; allowed: noeviction",
        )
    if policy != "noeviction":
        return Finding(
            "maxmemory-policy",
            policy,
            "weak",
            "under memory pressure rows of the view are evicted before posts are refused",
        )
    return Finding(
        "maxmemory-policy", policy, "good", "the store itself drops nothing, however full it is"
    )


def _memory(told: dict[str, str]) -> Finding:
    limit = int(told.get("maxmemory", 0))
    if not limit:
        return Finding("maxmemory", "no limit", "weak", "a flood fills the machine's memory")
    used = 100 * int(told["used_memory"]) // limit
    shown = f"{limit >> 20} MB, {used} % used"
    if used >= _NEARLY_FULL:
        meaning = "nearly full: the oldest messages are cut before their time, or posts refused"
        return Finding("maxmemory", shown, "weak", meaning)
    meaning = f"past {_NEARLY_FULL} % of it the oldest messages are cut early, and readers told"
    return Finding("maxmemory", shown, "good", meaning)


def _append_only(told: dict[str, str], config: dict[str, str]) -> Finding:
    if not int(told.get("aof_enabled", 0)):
        return Finding(
            "appendonly", "no", "weak", "accepted messages are lost when the store restarts"
        )
    sync = config.get("appendfsync", "unknown")
    kept = {
        "always": "accepted messages survive a power cut",
        "everysec": "accepted messages survive a crash; a power cut loses two seconds at most",
    }.get(sync)
    if sync == "unknown":
        return Finding("appendfsync", sync, "weak", f"what a power cut loses {_NOT_TOLD}")
    if kept is None:
        return Finding(
            "appendfsync", sync, "weak", "a power cut loses what the system had not yet written"
        )
    return Finding("appendfsync", sync, "good", kept)


def _nodes(config: dict[str, str]) -> Finding:
    entries = config.get("stream-node-max-entries", "unknown")
    preamble = config.get("aof-use-rdb-preamble", "unknown")
    if entries == "unknown":
        return Finding(
            "stream-node-max-entries", entries, "weak", f"how long expired bytes stay {_NOT_TOLD}"
        )
    if entries == "1" and preamble == "no":
        return Finding(
            "stream-node-max-entries", entries, "good", "expired text leaves memory at once"
        )
    return Finding(
        "stream-node-max-entries",
        f"{entries} (aof-use-rdb-preamble {preamble})",
        "weak",
        "expired text is shown to no one, but its bytes stay until their whole node has expired; "
        "set stream-node-max-entries 1 and aof-use-rdb-preamble no",
    )


def _replication(told: dict[str, str]) -> Finding:
    role = str(told.get("role", "unknown"))
    if role != "master":
        return Finding("role", role, "refused", "nothing can be written; allowed: the primary")
    replicas = int(told.get("connected_slaves", 0))
    if replicas:
        return Finding(
            "replicas",
            str(replicas),
            "weak",
            "a failover can lose the last moments (asynchronous); with MESSENGER_REPLICAS=1 or more "
            "what is accepted is on so many of them",
        )
    return Finding("replicas", "0", "good", "one store: what it accepted, it has")


def _confirmation(told: dict[str, str], config: dict[str, str], wanted: int) -> list[Finding]:
    """Where a message is accepted only when replicas have it."""
    if told.get("role") != "master":
        return [_replication(told)]
    found, shown = in_touch(told), f"MESSENGER_REPLICAS is {wanted}"
    if found < wanted:
        meaning = "no post is accepted before so many follow: 503 unconfirmed; reading goes on"
        return [Finding("replicas", f"{found}, and {shown}", "weak", meaning)]
    kept = "a failover to any of them loses no accepted message"
    if found > wanted:
        kept = "a failover loses no accepted message, unless to one that was behind the others"
    return [
        Finding("replicas", f"{found}, and {shown}", "good", kept),
        _least(config.get("min-replicas-to-write"), wanted),
    ]


def _least(least: str | None, wanted: int) -> Finding:
    """Whether the store itself refuses what could not be confirmed."""
    shown = "unknown" if least is None else least
    if least is not None and int(least) >= wanted:
        meaning = "what could not be confirmed is refused before it is stored"
        return Finding("min-replicas-to-write", shown, "good", meaning)
    return Finding(
        "min-replicas-to-write",
        shown,
        "weak",
        "a post that is refused as unconfirmed may be stored and shown; set min-replicas-to-write "
        f"{wanted} and min-replicas-max-lag 5",
    )
