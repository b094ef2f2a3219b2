"""`messenger repartition` as an operator types it: what it says, what it refuses, how it ends."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from messenger.connection import Store
from messenger.keys import Keys
from messenger.log import Post
from messenger.partitions import standing
from messenger.settings import Settings
from tests.commands import Commands
from tests.damages import verified
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.repartitioning import ROOMS, by_room, in_force
from tests.serving import serving
from tests.users import url_as
from tests.waiting import wait_until

Make = Callable[..., Settings]


@pytest.fixture
async def four(private_store: PrivateStore, settings: Make) -> AsyncIterator[Commands]:
    """Commands on a store of four partitions."""
    async with Store(private_store.url) as store:
        await in_force(store, settings(partitions="4"))
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("4", "the store has 4 partitions, and that is so already; allowed: 8, 12, 16, ..."),
        ("2", "and can't have fewer, for no two logs can become one; allowed: 8, 12, 16, ..."),
        ("6", "of which each is split into the same number; allowed: 8, 12, 16, ..."),
        ("0", "0 is not in the range 2<=x<=1024"),
        ("-4", "-4 is not in the range 2<=x<=1024"),
        ("1", "1 is not in the range 2<=x<=1024"),
        ("1028", "1028 is not in the range 2<=x<=1024"),
        ("many", "'many' is not a valid integer"),
        ("8.0", "'8.0' is not a valid integer"),
        ("", "'' is not a valid integer"),
    ],
)
async def test_what_is_refused(
    four: Commands, private_store: PrivateStore, to: str, said: str
) -> None:
    """2, and what is allowed; nothing is done."""
    done = await four.run("repartition", "--to", to)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err
    with private_store.client() as client:
        assert client.hget(KEYS.meta, "partitions") == b"4"
        assert not client.hexists(KEYS.meta, "rebuild")


async def test_no_number_and_no_more_than_the_most(
    four: Commands, private_store: PrivateStore
) -> None:
    """The number must be given; a store that can't be split any more is told so."""
    done = await four.run("repartition")
    assert done.code == 2
    assert "Missing option '--to'" in done.err
    with private_store.client() as client:
        for partition in range(4):
            client.delete(*client.keys(f"messenger:{{{partition}}}:*"))
    done = await four.run("repartition", "--to", "2")
    assert (done.code, done.out) == (3, "")
    assert "nobody has used this store yet" in done.one_line()


async def test_it_says_what_it_did(private_store: PrivateStore, settings: Make) -> None:
    """One line at its end, beside a messenger that goes on; again, it is so already."""
    async with serving(private_store.url, settings()) as messenger:
        for room in ROOMS:
            await messenger.post("hello", room=room)
        url = url_as(private_store.url, "repartition")
        async with Commands(MESSENGER_STORE_URL=url) as commands:
            done = await commands.run("repartition", "--to", "3")
            assert (done.code, done.err) == (0, "")
            assert done.out.startswith(
                "3 partitions in place of 1: 12 entries were gone through, and posts waited for 0."
            )
            again = await commands.run("repartition", "--to", "3")
            assert again.code == 2
        for room in ROOMS:
            await wait_until(lambda: messenger.texts(room), "it is shown")  # noqa: B023
            await messenger.post("more", room=room)


async def test_a_user_without_the_rights_is_refused(
    private_store: PrivateStore, four: Commands
) -> None:
    """Before anything is done; who is allowed is said."""
    url = url_as(private_store.url, "web")
    done = await four.run("repartition", "--to", "8", MESSENGER_STORE_URL=url)
    assert (done.code, done.out) == (2, "")
    assert "messenger acl --role repartition" in done.one_line()


async def test_killed_under_load_and_run_again(private_store: PrivateStore, settings: Make) -> None:
    """With -9, while there is much to do: what is in force serves, and the next one does the rest."""
    async with Store(private_store.url) as store:
        logs = await in_force(store, settings())
        for number in range(400):
            await asyncio.gather(
                *(logs.of(room).append(Post(room, "me", str(number))) for room in ROOMS)
            )
        before = by_room(private_store, 1)
        async with Commands(MESSENGER_STORE_URL=private_store.url) as commands:
            running = await commands.start("repartition", "--to", "2")
            with private_store.client() as client:
                await wait_until(lambda: client.xlen(Keys(1).log) > 500, "it copies")
                await running.end(signal.SIGKILL)
                assert await standing(store) == 1
                assert client.xlen(KEYS.log) == 400 * len(ROOMS)
                assert 0 < client.pttl(Keys(1).log) <= 15_000
                done = await commands.run("repartition", "--to", "2")
                assert done.code == 1
                assert "a rebuild or another repartition is at work" in done.one_line()
                client.hset(KEYS.meta, "rebuild_until", now_ms(client) - 1)
            done = await commands.run("repartition", "--to", "2")
            assert done.code == 0
            assert done.err == "messenger: a repartition to 2 had not come to its end\n"
        assert by_room(private_store, 2) == before
        found = await in_force(store, settings())
        assert await verified(found) == []
