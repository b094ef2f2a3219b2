"""Each role can do its work with its rights in the store, and nothing else."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis

from consumers.redelivery import IDLE_MS
from messenger.keys import PROJECTOR
from messenger.settings import Settings
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, counts, now_ms, texts
from tests.serving import Messenger, serving
from tests.users import GROUP, refused, url_as
from tests.waiting import wait_until


@pytest.fixture
def admin(any_store: PrivateStore) -> Iterator[redis.Redis]:
    """Who may do everything."""
    with any_store.client() as client:
        yield client


@pytest.fixture
async def messenger(
    any_store: PrivateStore, settings: Callable[..., Settings]
) -> AsyncIterator[Messenger]:
    """Web and worker, each as its user."""
    async with serving(any_store.url, settings()) as running:
        yield running


def _as(private: PrivateStore, role: str, group: str | None = None) -> redis.Redis:
    return redis.Redis.from_url(url_as(private.url, role, group), legacy_responses=False)


async def test_web_and_worker_do_their_work(admin: redis.Redis, messenger: Messenger) -> None:
    """Posts, streams, pages, erasure, expiry, the view, dead letters, redelivery, figures: with the
    rights of their roles, and without being refused anything."""
    async with messenger.stream() as stream:
        first = await messenger.post("first", key="one")
        await messenger.post("brief", ttl=1_000)
        assert [each["text"] for each in await stream.messages(2)] == ["first", "brief"]
    await messenger.post("first", key="one")
    headers = {"Authorization": f"Bearer {first['erase_token']}"}
    path = f"{messenger.url}/api/rooms/lobby/messages/{first['id']}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204
    admin.xadd(KEYS.log, {"type": "message.posted", "room": "lobby"})
    await wait_until(lambda: admin.xlen(KEYS.dead(PROJECTOR)) == 1, "the broken entry is buried")
    await wait_until(lambda: admin.get(KEYS.message(first["id"])) == b"erased", "a tombstone")
    await wait_until(lambda: counts(admin) == {"posted": 2, "erased": 1}, "everything is counted")
    await wait_until(lambda: admin.zcard(KEYS.expiring) == 0, "the short life is over")
    for path in ("/health/ready", "/metrics", "/api/rooms", "/api/rooms/lobby/messages?limit=1"):
        async with messenger.session.get(messenger.url + path) as response:
            assert response.status == 200, await response.text()
    assert refused(admin) == []


async def test_a_worker_takes_over_and_starts_anew(
    admin: redis.Redis, messenger: Messenger
) -> None:
    """What another worker left is applied, and a store that is flushed gets its new history, with
    the worker's and the web's own rights."""
    add_posted(admin, "*", "taken over")
    await wait_until(lambda: counts(admin).get("posted") == 1, "it is in the view")
    admin.flushall()
    await wait_until(lambda: admin.exists(KEYS.log), "a new history")
    admin.xgroup_setid(KEYS.log, PROJECTOR, "$")
    add_posted(admin, "*", "given to one that died")
    admin.xgroup_setid(KEYS.log, PROJECTOR, "0")
    admin.xreadgroup(PROJECTOR, "dead", {KEYS.log: ">"})
    await wait_until(
        lambda: counts(admin).get("posted") == 1, "it is taken over", seconds=IDLE_MS / 100
    )
    assert refused(admin) == []


@pytest.mark.usefixtures("little_memory")
async def test_a_room_is_read_from_the_view(admin: redis.Redis, messenger: Messenger) -> None:
    """Pages beyond memory come from the view, by the web's own rights."""
    begin = now_ms(admin) - 500_000
    for number in range(1_200):
        add_posted(admin, f"{begin + number}-0", f"{number}")
    await wait_until(lambda: counts(admin).get("posted") == 1_200, "all are in the view")
    before = f"{begin + 10}-0"
    assert await messenger.texts(before=before) == [f"{number}" for number in range(10)]
    after = f"{begin - 1}-0"
    assert (await messenger.texts(after=after, limit=3)) == ["0", "1", "2"]
    assert refused(admin) == []


@pytest.mark.parametrize("command", [["doctor"], ["list"], ["list", "lobby"], ["tail"]])
async def test_an_operator_s_commands_work(
    any_store: PrivateStore, admin: redis.Redis, messenger: Messenger, command: list[str]
) -> None:
    """Looking after a messenger takes no more than the operator's rights."""
    posted = await messenger.post("hello")
    await wait_until(lambda: admin.exists(KEYS.message(posted["id"])), "it is in the view")
    url = url_as(any_store.url, "operator")
    async with Commands(MESSENGER_STORE_URL=url) as commands:
        if command == ["tail"]:
            running = await commands.start("tail", "--since", "window")
            assert (await running.line()).endswith("hello")
            await running.end()
        else:
            done = await commands.run(*command)
            assert done.code == 0, done.err
            assert ("operator" if command == ["doctor"] else "lobby") in done.out
        got = await commands.run("get", "lobby", posted["id"])
        assert "hello" in got.out
    assert refused(admin) == []


async def test_a_view_is_verified_and_rebuilt(
    any_store: PrivateStore, admin: redis.Redis, messenger: Messenger
) -> None:
    """An operator compares the view with the log, makes it anew twice, and replays the past; web and
    worker go on in the new view: each with its own rights."""
    posted = await messenger.post("hello")
    erased = await messenger.post("erased", ttl=60_000)
    await messenger.post("brief", ttl=1_000)
    await wait_until(lambda: counts(admin).get("posted") == 3, "all are in the view")
    async with Commands(MESSENGER_STORE_URL=url_as(any_store.url, "operator")) as commands:
        for command in ("verify", "rebuild", "rebuild", "verify", "replay"):
            done = await commands.run(command)
            assert done.code == 0, done.err
        assert posted["id"] in done.out
    headers = {"Authorization": f"Bearer {erased['erase_token']}"}
    path = f"{messenger.url}/api/rooms/lobby/messages/{erased['id']}"
    async with messenger.session.delete(path, headers=headers) as response:
        assert response.status == 204
    view = KEYS.view(admin.hget(KEYS.meta, "view").decode())
    assert admin.get(view.message(erased["id"])) == b"erased"
    later = await messenger.post("later", room="other")
    await wait_until(lambda: admin.exists(view.message(later["id"])), "the new view is written")
    await wait_until(lambda: admin.zcard(KEYS.expiring) == 0, "the short life is over")
    assert await messenger.texts(before=f"{now_ms(admin) + 1}-0") == ["hello"]
    assert refused(admin) == []


async def test_messages_are_copied_with_the_copy_s_user(
    any_store: PrivateStore, own_store: Callable[..., PrivateStore], messenger: Messenger
) -> None:
    """`messenger replay --to` takes the rights of `copy` there, and the operator's here."""
    target = own_store()
    await messenger.post("hello")
    await messenger.post("brief", ttl=60_000)
    async with Commands(MESSENGER_STORE_URL=url_as(target.url, "up")) as commands:
        up = await commands.start("up", "--port", "0")
        await up.line()
        await up.end()
    async with Commands(MESSENGER_STORE_URL=url_as(any_store.url, "operator")) as commands:
        done = await commands.run("replay", "--to", url_as(target.url, "copy"))
        assert done.code == 0, done.err
    with target.client() as client:
        assert texts(client) == ["hello", "brief"]
        assert refused(client) == []


async def test_post_works_with_the_web_s_user(
    any_store: PrivateStore, messenger: Messenger
) -> None:
    """`messenger post` takes the web's rights."""
    async with Commands(MESSENGER_STORE_URL=url_as(any_store.url, "web")) as commands:
        done = await commands.run("post", "lobby", "hello")
    assert done.code == 0, done.err
    assert await messenger.texts() == ["hello"]


async def test_a_program_reads_the_log_with_its_group(
    any_store: PrivateStore, admin: redis.Redis, messenger: Messenger
) -> None:
    """A consumer with a group of its own reads, acks, takes over, buries, and sees its lag."""
    posted = [(await messenger.post(text))["id"].encode() for text in ("one", "two", "three")]
    with _as(any_store, "downstream", GROUP) as client:
        client.xgroup_create(KEYS.log, GROUP, "0")
        (entries,) = client.xreadgroup(GROUP, "me", {KEYS.log: ">"}, count=2).values()
        assert [entry_id for entry_id, _ in entries] == posted[:2]
        assert client.xack(KEYS.log, GROUP, posted[0]) == 1
        assert client.xpending(KEYS.log, GROUP)["pending"] == 1
        _, taken, _ = client.xautoclaim(KEYS.log, GROUP, "other", 0, "0-0")
        assert [entry_id for entry_id, _ in taken] == posted[1:2]
        client.xadd(KEYS.dead(GROUP), {"entry": "x"}, id=posted[1])
        client.xtrim(KEYS.dead(GROUP), minid="1-0", approximate=False)
        assert client.xlen(KEYS.dead(GROUP)) == len(client.xrange(KEYS.dead(GROUP))) == 1
        assert client.xinfo_consumers(KEYS.log, GROUP)
        assert {each["name"] for each in client.xinfo_groups(KEYS.log)} == {b"projector", b"mine"}
        client.xgroup_delconsumer(KEYS.log, GROUP, "me")
        assert client.hget(KEYS.meta, "epoch")
    assert refused(admin) == []
    admin.delete(KEYS.dead(GROUP))


async def test_a_program_reads_the_log_without_a_group(
    any_store: PrivateStore, admin: redis.Redis, messenger: Messenger
) -> None:
    """A reader follows the log and knows its clock and its epoch."""
    posted = await messenger.post("hello")
    with _as(any_store, "downstream") as client:
        (((entry_id, fields),),) = client.xread({KEYS.log: "0-0"}).values()
        assert (entry_id.decode(), fields[b"text"]) == (posted["id"], b"hello")
        assert client.xrange(KEYS.log) == client.xrevrange(KEYS.log)
        assert client.xlen(KEYS.log) == client.xinfo_stream(KEYS.log)["length"] == 1
        assert client.time()
        assert all(client.hmget(KEYS.meta, "epoch", "partitions"))
    assert refused(admin) == []
