"""A store is set up once, by whoever comes first; others take over what they find."""

import secrets
from collections.abc import Callable

import pytest

from messenger.adopt import adopt
from messenger.cli import processes
from messenger.connection import Store
from messenger.errors import Repartitioning
from messenger.log import Logs
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.settling import MINUTE, meta, settled

Make = Callable[..., Settings]


@pytest.mark.parametrize(("first", "then"), [("1", "2"), ("4", "1"), ("4", "3")])
async def test_the_number_of_partitions_is_the_store_s_own(
    store: Store, settings: Make, first: str, then: str
) -> None:
    """Whoever comes with another number makes no log ready, for rooms would lose their messages; a
    process takes the store's number, whatever is set."""
    await settled(store, settings(partitions=first))
    with pytest.raises(Repartitioning) as refusal:
        await settled(store, settings(partitions=then))
    assert refusal.value.detail == (
        f"the store has {first} partitions, and not {then}; try again in a moment"
    )
    found = await processes.settled(store, settings(partitions=then))
    assert len(found.all) == found.settings.partitions == int(first)


async def test_an_empty_store_takes_any_number(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """After a flush the store is as new."""
    await settled(store, settings(partitions="4"))
    with private_store.client() as client:
        client.flushall()
    assert len((await settled(store, settings(partitions="2"))).all) == 2


async def test_settling_again_changes_nothing(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """Every process settles at its start: the second finds the facts that the first made."""
    (first,) = (await settled(store, settings())).all
    with private_store.client() as client:
        before = meta(client)
        (second,) = (await settled(store, settings())).all
        assert meta(client) == before
    assert first.facts == second.facts


async def test_a_store_nobody_used_has_nothing_to_adopt(store: Store, settings: Make) -> None:
    """A command beside a store that was never set up finds that out, and sets nothing up."""
    assert await adopt(store, settings()) is None
    assert await store.client.dbsize() == 0


async def test_who_works_beside_adopts_the_store_s_facts(store: Store, settings: Make) -> None:
    """A command beside a running messenger takes its window and partitions, and keeps its own rest."""
    await settled(store, settings(window="10m", partitions="4"))
    token = secrets.token_hex(16)
    mine = settings(window="1h", admin_token=token)
    adopted = await adopt(store, mine)
    assert adopted is not None
    assert (adopted.window, adopted.partitions) == (10 * MINUTE, 4)
    assert (adopted.admin_token, adopted.port) == (token, mine.port)
    await Logs(store, adopted).settle()


async def test_who_works_beside_adopts_the_window_that_is_coming(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """After a change to a shorter window also a command posts with the shorter life."""
    await settled(store, settings(window="1h"))
    await settled(store, settings(window="10m"))
    adopted = await adopt(store, settings())
    assert adopted is not None
    assert adopted.window == 10 * MINUTE
    with private_store.client() as client:
        before = meta(client)
        await Logs(store, adopted).settle()
        assert meta(client) == before
