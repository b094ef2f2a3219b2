"""The messenger on a primary with two replicas that three sentinels watch."""

import json
from collections.abc import Awaitable, Callable

import pytest

from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.commands import Commands
from tests.crowds import Crowd
from tests.private_sentinels import NAME, PASSWORD, PrivateSentinels, Replicated
from tests.serving import Messenger
from tests.users import url_as
from tests.waiting import wait_until

PARTITIONS = 2

Run = Callable[..., Awaitable[Messenger]]


async def failed_over(sentinel_group: PrivateSentinels, before: Replicated) -> Replicated:
    """The server that is the primary in place of another one, as soon as there is one."""

    def found() -> Replicated | None:
        others = [each for each in sentinel_group.stores if each.is_alive and each is not before]
        return next((each for each in others if each.role == "master"), None)

    return await wait_until(found, "another server is the primary", seconds=30)


async def test_a_primary_dies(sentinel_group: PrivateSentinels, run_messenger: Run) -> None:
    """Posts are refused until a replica was made the primary, and then go on there. The one that comes
    back is not written to."""
    messenger = await run_messenger(sentinel_group, partitions=str(PARTITIONS))
    victim = sentinel_group.primary
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        victim.kill()
        await failed_over(sentinel_group, victim)
        await crowd.everyone_posts()
        victim.launch()
        victim.wait_ready()
        await wait_until(lambda: victim.role == "slave", "it follows", seconds=30)
        await crowd.everyone_posts()
    await crowd.check()


@pytest.mark.parametrize("how", [[], ["COORDINATED"]])
async def test_a_failover_by_hand(
    sentinel_group: PrivateSentinels, run_messenger: Run, how: list[str]
) -> None:
    """A primary that lives is made a replica: who writes to it is told so, and goes to the new one.
    Coordinated (Valkey 9) nothing is lost, and nobody is told of a gap."""
    messenger = await run_messenger(sentinel_group, partitions=str(PARTITIONS))
    before = sentinel_group.primary
    async with Crowd(messenger, PARTITIONS).at_work() as crowd:
        with sentinel_group.sentinels[0].client() as client:
            client.execute_command("SENTINEL", "FAILOVER", NAME, *how)
        await failed_over(sentinel_group, before)
        await crowd.everyone_posts()
        await wait_until(lambda: before.role == "slave", "it follows", seconds=30)
        await crowd.everyone_posts()
    lost = await crowd.check()
    if how:
        assert lost == 0
        assert [told.gaps() for told in crowd.told.values()] == [[], []]


async def test_without_sentinels_what_is_there_serves_on(
    sentinel_group: PrivateSentinels, run_messenger: Run
) -> None:
    """Sentinels that are gone, one or all of them, are no outage as long as the primary lives."""
    messenger = await run_messenger(sentinel_group, partitions=str(PARTITIONS))
    for sentinel in sentinel_group.sentinels:
        sentinel.kill()
        await messenger.post("hello")
    with sentinel_group.primary.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    await messenger.post("hello again")


async def test_commands_work_through_sentinels(
    sentinel_group: PrivateSentinels, settings: Callable[..., Settings]
) -> None:
    """Post, read, look: with a user's rights. `messenger acl` makes users on the replicas, too."""

    def as_role(role: str) -> str:
        return url_as(sentinel_group.url, role)

    async with Commands(MESSENGER_STORE_URL=sentinel_group.url) as commands:
        made = await commands.run(
            *("acl", "--role", "copy", "--apply", "--passwords", str(commands.data_dir / "words"))
        )
        assert made.code == 0, made.err
        for store in sentinel_group.stores:
            with store.client() as client:
                assert client.acl_getuser("messenger-copy")["commands"]
    async with Commands(MESSENGER_STORE_URL=sentinel_group.url) as commands:
        async with Store(sentinel_group.url) as store:
            await Logs(store, settings()).settle()
        posted = await commands.run("post", "lobby", "hello", MESSENGER_STORE_URL=as_role("web"))
        assert posted.code == 0, posted.err
        replayed = await commands.run("replay", MESSENGER_STORE_URL=as_role("operator"))
        assert json.loads(replayed.out)["id"] == posted.out.strip()
        found = await commands.run("doctor", MESSENGER_STORE_URL=as_role("operator"))
        assert "replicas: 2" in found.out


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (f"/other?sentinel_password={PASSWORD}", 2, "knows no 'other'"),
        ("/chat", 3, "the store refuses: NOAUTH"),
        ("/chat?sentinel_password=wrong", 3, "the store refuses: WRONGPASS"),
    ],
)
async def test_what_is_wrong_with_sentinels_is_said(
    sentinel_group: PrivateSentinels, end: str, code: int, words: str
) -> None:
    """A name that they do not watch, and a password that they do not take."""
    url = sentinel_group.url.partition("/chat")[0] + end
    async with Commands(MESSENGER_STORE_URL=url) as commands:
        done = await commands.run("list")
    assert done.code == code
    assert words in done.one_line()


async def test_a_sentinel_that_is_behind_is_not_believed(sentinel_group: PrivateSentinels) -> None:
    """One that slept while the others made another server the primary names the old one, which lives
    again: the highest epoch is believed, and a server that is no primary is not written to."""
    late, before = sentinel_group.sentinels[0], sentinel_group.primary
    late.freeze()
    before.freeze()
    after = await failed_over(sentinel_group, before)
    others = sentinel_group.sentinels[1:]
    await wait_until(lambda: all(each.named() == after.port for each in others), "they agree")
    before.thaw()
    late.thaw()
    for _ in range(20):
        async with Store(sentinel_group.url) as store:
            assert await store.pipe.server() == after.name
            assert b"master" in (await store.pipe.call("ROLE"))[0]
