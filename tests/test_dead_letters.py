"""Dead letters: kept with all that there is to know, and no longer than the message that they hold."""

from collections.abc import Callable

import pytest

from consumers.dead import DeadLetters
from consumers.group import Group
from consumers.projector import Projector
from consumers.sweeper import Sweeper
from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs
from tests.consuming import letters, pending, say
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, holders, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until


@pytest.fixture
async def group(private_store: PrivateStore, log: Log) -> Group:
    """A group that has been given nothing yet."""
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
    return Group(log, "mailer")


async def _bury_all(log: Log, group: Group) -> int:
    """Buries whatever the group is given now."""
    dead = DeadLetters(log, "mailer")
    buried = [await dead.bury(entry.id, "no", 5) for entry in await group.new()]
    return sum(buried)


async def test_letters_keep_their_payload_in_whatever_order_they_come(
    private_store: PrivateStore, log: Log, group: Group
) -> None:
    """An entry that is given up after a younger one was is kept as whole as that one."""
    ids = await say(log, "first", "second")
    await group.new()
    for entry_id in reversed(ids):
        assert await DeadLetters(log, "mailer").bury(EntryId.parse(entry_id), "no", 5)
    with private_store.client() as client:
        assert [each["text"] for each in letters(client, "mailer")] == ["second", "first"]
        assert pending(client, "mailer") == 0


async def test_an_entry_is_buried_once(private_store: PrivateStore, log: Log, group: Group) -> None:
    """Two consumers give up the same entry: there is one letter. Given out and buried again, there is
    still one, the newer."""
    (entry_id,) = map(EntryId.parse, await say(log, "bad"))
    await group.new()
    dead = DeadLetters(log, "mailer")
    assert [await dead.bury(entry_id, "no", 5) for _ in range(2)] == [True, False]
    with private_store.client() as client:
        client.xgroup_setid(KEYS.log, "mailer", "0")
        await group.new()
        assert await dead.bury(entry_id, "still no", 5)
        (letter,) = letters(client, "mailer")
        assert letter["error"] == "still no"


async def test_a_letter_goes_when_its_message_would_have_gone(
    private_store: PrivateStore, logs: Logs, log: Log, group: Group
) -> None:
    """Also a message with a short life, and whatever group it was, and if nobody is left in it."""
    with private_store.client() as client:
        now = now_ms(client)
        add_posted(client, f"{now - 899_000}-0", "window over soon")
        add_posted(client, f"{now - 1_000}-0", "short", ttl=2_000)
        add_posted(client, f"{now - 500}-0", "long")
        assert await _bury_all(log, group) == 3
        client.xgroup_destroy(KEYS.log, "mailer")

        async def texts() -> list[str]:
            await Sweeper(logs).step()
            return [each["text"] for each in letters(client, "mailer")]

        async def is_left() -> bool:
            return await texts() == ["long"]

        await wait_until(is_left, "only the message that lives has a letter")
        for text in ("window over soon", "short"):
            assert KEYS.dead("mailer") not in holders(client, text)
        assert client.zcard(KEYS.letters) == 1


async def test_letters_die_also_where_nobody_sweeps(
    private_store: PrivateStore, log: Log, group: Group
) -> None:
    """All that is kept of a group's dead letters has a life, that of the longest-living of them."""
    await say(log, "short", ttl=10_000)
    ids = await say(log, "long", ttl=60_000)
    assert await _bury_all(log, group) == 2
    with private_store.client() as client:
        last = EntryId.parse(ids[0]).ms + 60_000
        assert client.pexpiretime(KEYS.dead("mailer")) == last
        assert client.pexpiretime(KEYS.letters) == last


async def test_an_entry_that_is_over_leaves_no_letter(
    private_store: PrivateStore, log: Log, group: Group
) -> None:
    """What has expired or was trimmed when it is given up is acked, and its text is not kept."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 5_000}-0", "the secret word", ttl=4_000)
        trimmed = add_posted(client, f"{now_ms(client)}-0", "trimmed")
        found = await group.new()
        client.xdel(KEYS.log, trimmed)
        for entry in found:
            assert not await DeadLetters(log, "mailer").bury(entry.id, "no", 5)
        assert letters(client, "mailer") == []
        assert pending(client, "mailer") == 0


@pytest.mark.parametrize("ttl", [None, 60_000])
async def test_erasing_a_message_takes_its_letters_along(
    private_store: PrivateStore, log: Log, group: Group, ttl: int | None
) -> None:
    """Who erases a message erases it from every group's dead letters, in the same step; others stay."""
    (bad,) = await say(log, "the secret word", ttl=ttl)
    await say(log, "other", ttl=ttl)
    assert await _bury_all(log, group) == 2
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "second", "0")
        second = Group(log, "second")
        await second.new()
        await DeadLetters(log, "second").bury(EntryId.parse(bad), "no", 5)
        await log.erase("lobby", EntryId.parse(bad), "author")
        assert holders(client, "the secret word") == []
        assert [each["text"] for each in letters(client, "mailer")] == ["other"]
        assert letters(client, "second") == []


async def test_erasing_leaves_no_group_with_an_entry_that_is_no_more(
    private_store: PrivateStore, log: Log, group: Group
) -> None:
    """What a group held when it was erased is acked there: nobody has to find out."""
    (entry_id,) = await say(log, "bad")
    await group.new()
    await log.erase("lobby", EntryId.parse(entry_id), "author")
    with private_store.client() as client:
        assert pending(client, "mailer") == 0


async def test_the_projector_s_letters_have_the_same_life(
    private_store: PrivateStore, log: Log
) -> None:
    """A broken entry's letter goes when the window is over for it."""
    bad = {"type": "message.posted", "room": "lobby", "author": "x", "text": "y"}
    with private_store.client() as client:
        entry_id = client.xadd(KEYS.log, bad).decode()
        projector = Projector(log)
        while not client.exists(KEYS.dead(PROJECTOR)):
            await projector.step()
        (letter,) = letters(client, PROJECTOR)
        assert letter["attempts"] == "1"
        assert client.pexpiretime(KEYS.dead(PROJECTOR)) == EntryId.parse(entry_id).ms + 900_000


async def test_what_was_buried_before_there_was_an_index_goes_too(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """An earlier version kept letters under their entry's id, without a life: they are trimmed."""
    bad = {"type": "message.posted", "room": "lobby", "author": "x", "text": "y"}
    with private_store.client() as client:
        client.xadd(KEYS.dead(PROJECTOR), bad, id=f"{now_ms(client) - 900_001}-0")
        await Sweeper(logs).step()
        assert client.xlen(KEYS.dead(PROJECTOR)) == 0
        client.delete(KEYS.dead(PROJECTOR))


async def test_letters_go_on_time_in_the_running_messenger(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """Within a second after a message's time its dead letters hold nothing of it."""
    messenger = await run_messenger(window="1s")
    log = messenger.logs.all[0]
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "$")
        posted = await messenger.post("the secret word")
        assert await _bury_all(log, Group(log, "mailer")) == 1
        await wait_until(lambda: not holders(client, "the secret word"), "it is gone")
        assert now_ms(client) - posted["expires_at"] <= 1_000
