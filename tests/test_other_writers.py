"""Other programs write to the log too: whatever they write stops nobody."""

from collections.abc import Callable

import pytest

from consumers.dead import DeadLetters, known_groups
from consumers.groups import read_groups
from consumers.projector import Projector
from consumers.sweeper import Sweeper
from messenger.keys import PROJECTOR
from messenger.log import Log, Logs, Post
from tests.operating import OPERATOR, TOKEN, bury
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms, texts
from tests.serving import Messenger
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "message", ["1-99999999999999999999", "x", "", "-", "9" * 30 + "-0", "1-1-1", "\x00"]
)
async def test_an_erasure_of_no_id_stops_nobody(
    private_store: PrivateStore, messenger: Messenger, message: str
) -> None:
    """An erasure whose message can't be an id goes to the dead letters; feed and view go on."""
    with private_store.client() as client:
        fields = {"type": "message.erased", "room": "lobby", "message": message, "by": "author"}
        client.xadd(KEYS.log, fields)
        await messenger.post("after")
        assert await messenger.texts() == ["after"]
        await wait_until(lambda: client.xlen(KEYS.dead(PROJECTOR)) == 1, "it is buried")


async def test_a_malformed_entry_of_any_size_is_buried(
    private_store: PrivateStore, log: Log
) -> None:
    """Thousands of fields do not fit through the script: the letter is kept without them."""
    with private_store.client() as client:
        many = {f"field{number}": "x" for number in range(9_000)}
        client.xadd(KEYS.log, {"type": "message.posted", **many})
        await log.append(Post("lobby", "me", "after"))
        projector = Projector(log)

        async def is_applied() -> bool:
            await projector.step()
            return bool(client.exists(KEYS.room("lobby")))

        await wait_until(is_applied, "the next is applied")
        ((_, letter),) = client.xrange(KEYS.dead(PROJECTOR))
        assert letter[b"error"] == b"the field ttl is missing"
        assert client.xpending(KEYS.log, PROJECTOR)["pending"] == 0


async def test_the_last_id_of_a_millisecond_is_swept(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """An expired entry with the largest number there is goes like any other, by post and by sweep."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 1_000_000}-{2**64 - 1}", "over")
        await log.append(Post("lobby", "me", "posted"))
        assert texts(client) == ["posted"]
        client.flushall()
        await logs.settle()
        add_posted(client, f"{now_ms(client) - 1_000_000}-{2**64 - 1}", "over")
        assert (await Sweeper(logs).step()).removed == 1
        assert texts(client) == []


async def test_a_time_that_no_calendar_has_is_shown(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """An entry of the year 11,000 is on the page, and does not take the page along."""
    messenger = await run_messenger()
    with private_store.client() as client:
        add_posted(client, "300000000000000-0", "from afar")
    await wait_until(lambda: _texts(messenger), "it is in the feed")
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        assert response.status == 200
        assert "from afar" in await response.text()


async def _texts(messenger: Messenger) -> list[str]:
    return await messenger.texts()


_NO_LETTERS = [b"x", b"", b"a b", b"a b mailer", b"1-1 9-99999999999999999999 mailer", b"\xff \xff \xff",
               b"1-1 1-1 \xff\n", b"1-1 1-1 theirs"]  # fmt: skip


@pytest.mark.parametrize("member", _NO_LETTERS)
async def test_what_is_no_letter_does_not_stop_the_sweeper(
    private_store: PrivateStore, logs: Logs, log: Log, member: bytes
) -> None:
    """Found by fuzzing the store by hand: whoever may bury may write anything to the index of letters,
    and the sweep that met it ended there, so that texts outlived their time."""
    with private_store.client() as client:
        client.hset(KEYS.dead("theirs"), "no", "stream")
        client.pexpire(KEYS.dead("theirs"), 60_000)
        add_posted(client, f"{now_ms(client) - 1_000_000}-0", "over")
        client.zadd(KEYS.letters, {member: 1})
        client.pexpire(KEYS.letters, 60_000)
        await Sweeper(logs).step()
        assert texts(client) == []
        assert client.zcard(KEYS.letters) == 0


async def test_what_is_no_letter_hides_none(
    private_store: PrivateStore, run_messenger: Callable[..., object], logs: Logs, log: Log
) -> None:
    """Found by fuzzing the store by hand: the operators' list of letters crashed on it. What is no
    letter is passed over; a letter without what letters have is shown with what it has."""
    messenger: Messenger = await run_messenger(admin_token=TOKEN)  # type: ignore[misc]
    (buried,) = await bury(private_store, log, "a text")
    with private_store.client() as client:
        later = now_ms(client) + 60_000
        for at, member in enumerate(_NO_LETTERS):
            client.zadd(KEYS.letters, {member: [later, 1e300, float("inf")][at % 3]})
        odd = client.xadd(KEYS.dead("mailer"), {"attempts": "many", b"\xff": b"\xff"}).decode()
        client.zadd(KEYS.letters, {f"1-1 {odd} mailer": 1e300})
    async with messenger.session.get(
        f"{messenger.url}/api/ops/letters?group=mailer", headers=OPERATOR
    ) as response:
        found = (await response.json())["letters"]
    assert [(each["entry"], each["attempts"]) for each in found] == [(buried, 3), ("", 0)]
    assert "mailer" in await known_groups(logs)
    assert await DeadLetters(log, "mailer").dig("drop") == (2, [])


async def test_a_group_s_own_keys_hide_no_other_group(
    private_store: PrivateStore, messenger: Messenger, logs: Logs
) -> None:
    """Found by fuzzing the store by hand: a count that is no number crashed the figures, and a key of
    another type hid every group of the partition."""
    await messenger.post("hello")
    with private_store.client() as client:
        for name in ("counts", "types", "mine"):
            client.xgroup_create(KEYS.log, name, "0")
        client.hset(
            KEYS.group("counts"), mapping={"handled": "x", "expired_unprocessed": "9" * 400}
        )
        client.xadd(KEYS.group("types"), {"no": "hash"})
        client.hset(KEYS.dead("types"), "no", "stream")
        for key in (KEYS.group("counts"), KEYS.group("types"), KEYS.dead("types")):
            client.pexpire(key, 60_000)
        found = {each.group: each for each in await read_groups(logs.all)}
        assert found.keys() == {"counts", "types", "mine", PROJECTOR}
        assert (found["counts"].handled, found["counts"].expired) == (0, 0)
        assert [each.lag for each in found.values()].count(1) == 3
        async with messenger.session.get(messenger.url + "/metrics") as response:
            assert 'group="mine"' in await response.text()
