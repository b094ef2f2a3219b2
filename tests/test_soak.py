"""A long life in small: `make soak` is the long one, half an hour."""

import os
import secrets

import msgspec
import pytest

from tests.faults import network, storage
from tests.soak.harms import deaf, restart
from tests.soak.ledger import Ledger, grown, kind_of, table
from tests.soak.life import Plan, live

SEED = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))

_BEFORE = Ledger(
    memory_mb={"web1": 60.0, "worker1": 40.0},
    counted={"web1: files": 25, "web1: tasks": 10, "store: connections": 17},
    store_mb=2.5,
    keys={"log": 1, "meta": 1, "minute": 2},
)


@pytest.mark.timeout(120)
async def test_a_life_ends_as_it_began() -> None:
    """Posts, readers that come and go, and some harms: nothing is lost, doubled or silent, and what is
    held when all have gone is what was held before they came."""
    print(f"SEED={SEED}")
    plan = Plan(seed=SEED, stretches=1, seconds=4, window_s=4, rate=40, subscribers=20)
    life = await live(plan, print, (restart, deaf, storage.kill, network.lose_replies))
    print(table(life.before, life.after))
    assert life.wrong == []
    assert sum(each.accepted for each in life.stretches) > 100
    assert life.stretches[1].injected > 0


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("web1: memory", {"memory_mb": {"web1": 90.0, "worker1": 40.0}}),
        ("web1: tasks", {"counted": _BEFORE.counted | {"web1: tasks": 14}}),
        ("store: connections", {"counted": _BEFORE.counted | {"store: connections": 21}}),
        ("store: memory", {"store_mb": 9.0}),
        ("store: keys of sent", {"keys": _BEFORE.keys | {"sent": 1}}),
        ("store: keys of log", {"keys": _BEFORE.keys | {"log": 2}}),
    ],
)
def test_what_grows_is_said(what: str, changes: dict[str, object]) -> None:
    """Each of them alone is found, and named."""
    after = msgspec.structs.replace(_BEFORE, **changes)
    (found,) = grown(_BEFORE, after)
    assert found.startswith(what)


def test_what_does_not_grow_is_not_complained_of() -> None:
    """The same, less, or a minute's counts more, which go after a day."""
    more = msgspec.structs.replace(_BEFORE, store_mb=2.0, keys={"log": 1, "minute": 40})
    assert grown(_BEFORE, _BEFORE) == grown(_BEFORE, more) == []


def test_keys_are_told_by_their_kind() -> None:
    """No id, room or hash is in the ledger, and a rebuilt view's keys are of the same kind."""
    keys = ("messenger:{0}:sent:abc", "messenger:{3}:view:2:room:lobby", "messenger:{0}:log")
    assert [kind_of(key) for key in keys] == ["sent", "room", "log"]
