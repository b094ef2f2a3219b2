"""A changed window neither shortens nor lengthens the life of a message that was accepted before."""

from collections.abc import Callable

from consumers.sweeper import Sweeper
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Log, Post
from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms, texts
from tests.settling import MINUTE, due, let_the_window_come, meta, settled, windows

Make = Callable[..., Settings]


async def test_under_a_longer_window_the_old_still_go_in_their_time(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """What was posted under the shorter window was promised to be gone by then, and is."""
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        now = now_ms(client)
        over = add_posted(client, f"{now - 11 * MINUTE}-0", "over", ttl=10 * MINUTE)
        brief = add_posted(client, f"{now - 5 * MINUTE}-0", "brief", ttl=5 * MINUTE)
        living = add_posted(client, f"{now - 4 * MINUTE}-0", "living", ttl=10 * MINUTE)
        logs = await settled(store, settings(window="1h"))
        assert windows(client) == (str(60 * MINUTE), None)
        assert due(client) == {
            over: now - MINUTE,
            brief: now,
            living: now + 6 * MINUTE,
        }
        assert (await Sweeper(logs).step()).removed == 2
        assert texts(client) == ["living"]
        client.zadd(KEYS.expiring, {living: now - 1})  # its time comes
        await Sweeper(logs).step()
        assert texts(client) == []


async def test_a_life_of_its_own_is_not_lengthened(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """What is written for a longer window leaves the lives that were written before as they are."""
    (log,) = (await settled(store, settings(window="10m"))).all
    posted = await log.append(Post("lobby", "me", "brief", ttl=2 * MINUTE))
    with private_store.client() as client:
        before = due(client)
        assert before == {str(posted.id): posted.id.ms + 2 * MINUTE}
        await settled(store, settings(window="1h"))
        assert due(client) == before


async def test_under_a_longer_window_new_messages_live_longer(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """A message posted after the change has the new life, and the sweeper leaves it that."""
    await settled(store, settings(window="10m"))
    logs = await settled(store, settings(window="1h"))
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 20 * MINUTE}-0", "new", ttl=60 * MINUTE)
        assert (await Sweeper(logs).step()).removed == 0
        await logs.all[0].append(Post("lobby", "me", "newer"))
        assert texts(client) == ["new", "newer"]
        assert due(client) == {}


async def test_more_than_a_page_is_written_for_a_longer_window(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """However many there are, each is written."""
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        begin = now_ms(client) - 5 * MINUTE
        pipeline = client.pipeline(transaction=False)
        fields = {
            "type": "message.posted",
            "room": "r",
            "author": "a",
            "text": "t",
            "ttl": "600000",
        }
        for number in range(1_001):
            pipeline.xadd(KEYS.log, dict(fields), id=f"{begin + number}-0")
        pipeline.execute()
        await settled(store, settings(window="1h"))
        assert due(client) == {
            f"{begin + number}-0": begin + number + 600_000 for number in range(1_001)
        }


async def test_a_window_that_grows_twice_lengthens_nothing(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """An entry without a life of its own keeps the one of the window that it came under."""
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        came = now_ms(client) - MINUTE
        client.xadd(KEYS.log, {"type": "message.of.tomorrow"}, id=f"{came}-0")
        await settled(store, settings(window="1h"))
        await settled(store, settings(window="2h"))
        assert due(client) == {f"{came}-0": came + 10 * MINUTE}


async def test_what_comes_while_the_window_grows_is_written_too(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """A post between the writing and the change is one under the shorter window, with its own life."""
    await settled(store, settings(window="10m"))
    longer = Log(store, 0, settings(window="1h"))
    with private_store.client() as client:
        now = now_ms(client)
        first = add_posted(client, f"{now - 2 * MINUTE}-0", "first", ttl=10 * MINUTE)
        written_to = await longer._write_expiring(10 * MINUTE)
        assert str(written_to) == first
        second = add_posted(client, f"{now - MINUTE}-0", "second", ttl=10 * MINUTE)
        reply = await longer._settle(str(written_to))
        assert reply[0] == b"settled"
        assert due(client) == {first: now + 8 * MINUTE, second: now + 9 * MINUTE}


async def test_a_brief_post_while_the_window_grows_keeps_its_life(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """Also a message with a life of its own that comes between goes in its time."""
    (log,) = (await settled(store, settings(window="10m"))).all
    longer = Log(store, 0, settings(window="1h"))
    written_to = await longer._write_expiring(10 * MINUTE)
    posted = await log.append(Post("lobby", "me", "brief", ttl=2 * MINUTE))
    await longer._settle(str(written_to))
    with private_store.client() as client:
        assert due(client) == {str(posted.id): posted.id.ms + 2 * MINUTE}


async def test_a_shorter_window_waits_for_what_was_accepted(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """What was accepted under the longer window is kept for all its life, by posts and sweeps."""
    await settled(store, settings(window="1h"))
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 59 * MINUTE}-0", "old", ttl=60 * MINUTE)
        add_posted(client, f"{now - MINUTE}-0", "young", ttl=60 * MINUTE)
        logs = await settled(store, settings(window="10m"))
        assert windows(client) == (str(60 * MINUTE), str(10 * MINUTE))
        window_at = int(meta(client)["window_at"])
        assert now + 60 * MINUTE <= window_at <= now_ms(client) + 60 * MINUTE
        assert (await Sweeper(logs).step()).removed == 0
        await logs.all[0].append(Post("lobby", "me", "new"))
        assert texts(client) == ["old", "young", "new"]


async def test_under_a_shorter_window_new_messages_go_in_the_shorter_time(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """From the change on a post has the shorter life, before the trim is shortened too."""
    await settled(store, settings(window="1h"))
    (log,) = (await settled(store, settings(window="10m"))).all
    posted = await log.append(Post("lobby", "me", "new"))
    assert posted.ttl == 10 * MINUTE
    with private_store.client() as client:
        assert due(client) == {str(posted.id): posted.id.ms + 10 * MINUTE}


async def test_a_shorter_window_is_in_force_when_its_time_has_come(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """When all that was accepted under the longer window has lived, the trim is by the shorter."""
    await settled(store, settings(window="1h"))
    logs = await settled(store, settings(window="10m"))
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 11 * MINUTE}-0", "over", ttl=10 * MINUTE)
        add_posted(client, f"{now - 9 * MINUTE}-0", "living", ttl=10 * MINUTE)
        await Sweeper(logs).step()
        assert windows(client) == (str(60 * MINUTE), str(10 * MINUTE))
        let_the_window_come(client)
        assert (await Sweeper(logs).step()).removed == 1
        assert windows(client) == (str(10 * MINUTE), None)
        assert "window_at" not in meta(client)
        assert texts(client) == ["living"]


async def test_a_restart_does_not_put_a_shorter_window_off(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """The wait for the shorter window begins once, however often a process starts."""
    await settled(store, settings(window="1h"))
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        client.hset(KEYS.meta, "window_at", "12345")
        await settled(store, settings(window="10m"))
        assert meta(client)["window_at"] == "12345"


async def test_the_old_window_again_takes_the_shorter_back(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """A start with the window in force ends the wait for another."""
    await settled(store, settings(window="1h"))
    await settled(store, settings(window="10m"))
    await settled(store, settings(window="1h"))
    with private_store.client() as client:
        assert windows(client) == (str(60 * MINUTE), None)
        assert "window_at" not in meta(client)


async def test_from_shorter_to_longer_than_ever_loses_no_promise(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """1h, then 10m, then 2h: what was posted under each goes in the time that it was promised."""
    await settled(store, settings(window="1h"))
    with private_store.client() as client:
        now = now_ms(client)
        hour = add_posted(client, f"{now - 20 * MINUTE}-0", "hour", ttl=60 * MINUTE)
        (log,) = (await settled(store, settings(window="10m"))).all
        ten = str((await log.append(Post("lobby", "me", "ten"))).id)
        await settled(store, settings(window="2h"))
        assert windows(client) == (str(120 * MINUTE), None)
        assert due(client) == {
            hour: now + 40 * MINUTE,
            ten: EntryId.parse(ten).ms + 10 * MINUTE,
        }


async def test_a_shorter_window_still_outwaits_one_that_was_longer(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """1h, then 10m, then 30m: the wait is for the first of them, and the trim by the last."""
    await settled(store, settings(window="1h"))
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        now = now_ms(client)
        logs = await settled(store, settings(window="30m"))
        assert windows(client) == (str(60 * MINUTE), str(30 * MINUTE))
        assert int(meta(client)["window_at"]) >= now + 60 * MINUTE - 1_000
        let_the_window_come(client)
        await Sweeper(logs).step()
        assert windows(client) == (str(30 * MINUTE), None)


async def test_who_still_has_the_longer_window_puts_the_shorter_off(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """A process that was not restarted goes on promising the longer life, and what it accepts late
    is kept for all of it."""
    (still,) = (await settled(store, settings(window="1h"))).all
    await settled(store, settings(window="10m"))
    with private_store.client() as client:
        client.hset(KEYS.meta, "window_at", str(now_ms(client) + MINUTE))
        posted = await still.append(Post("lobby", "me", "late"))
        assert posted.ttl == 60 * MINUTE
        assert int(meta(client)["window_at"]) >= posted.id.ms + posted.ttl


async def test_no_life_is_longer_than_the_window_in_force(
    store: Store, private_store: PrivateStore, settings: Make
) -> None:
    """A process whose window is longer than the store's accepts no life that the trim would cut."""
    (still,) = (await settled(store, settings(window="1h"))).all
    logs = await settled(store, settings(window="10m"))
    with private_store.client() as client:
        let_the_window_come(client)
        await Sweeper(logs).step()
        posted = await still.append(Post("lobby", "me", "late"))
        assert posted.ttl <= int(meta(client)["window"])
