"""The consumer for Python programs: it gets what lives, from where it is told to begin, each once."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.intake import Intake
from consumers.share import as_pending
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.errors import BadRequest, StoreUnavailable
from messenger.events import MessageErased, MessagePosted
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.consuming import QUICK, Handled, Reports, counted, drain, letters, pending, say, text_of
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.waiting import wait_until


async def test_ten_lines_make_a_consumer(private_store: PrivateStore, log: Log) -> None:
    """What was said before and what is said while it runs comes as typed events, in order, once."""
    await say(log, "before", "and before")
    heard = []
    async with Consumer(private_store.url, "mailer") as consumer:
        async for delivery in consumer:
            assert isinstance(delivery.event, MessagePosted)
            heard.append(delivery.event.text)
            if heard[-1] == "and before":
                await say(log, "live")
            if heard[-1] == "live":
                await consumer.ack(delivery)
                break
    assert heard == ["before", "and before", "live"]
    with private_store.client() as client:
        assert pending(client, "mailer") == 0
        assert counted(client, "mailer", "handled") == 3


async def test_a_delivery_says_what_a_program_must_know(
    private_store: PrivateStore, log: Log
) -> None:
    """Entry id, partition, attempt and the end of its life come with each event; its text does not
    show where it is printed."""
    (posted,) = await say(log, "hello", ttl=60_000)
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled)
    (delivery,) = handled.deliveries
    assert (str(delivery.id), delivery.partition, delivery.attempt) == (posted, 0, 1)
    assert delivery.expires_at == delivery.id.ms + 60_000
    assert (delivery.room, delivery.key) == ("lobby", f"0/{posted}")
    assert "hello" not in repr(delivery)


async def test_a_group_goes_on_where_it_was(private_store: PrivateStore, log: Log) -> None:
    """A later consumer of the group gets what the earlier one did not, whatever it says of a start."""
    first, second = Handled(), Handled()
    await say(log, "one")
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, first)
    await say(log, "two")
    async with Consumer(private_store.url, "mailer", since="now") as consumer:
        await drain(consumer, second)
    assert (first.texts(), second.texts()) == (["one"], ["two"])


@pytest.mark.parametrize("since", ["window", "id", "duration", "time", "now"])
async def test_a_new_group_begins_where_it_is_told(
    private_store: PrivateStore, log: Log, since: str
) -> None:
    """The window, now, after an id, at a time, a duration ago: no event earlier is handed out."""
    with private_store.client() as client:
        now_s = now_ms(client) // 1_000
        early = add_posted(client, f"{(now_s - 100) * 1_000}-0", "early")
        add_posted(client, f"{(now_s - 30) * 1_000}-0", "late")
    begin = {"id": early, "duration": "60s", "time": str(now_s - 30)}.get(since, since)
    handled = Handled()
    async with Consumer(private_store.url, "mailer", since=begin) as consumer:
        await say(log, "live")
        await drain(consumer, handled)
    expected = {"window": ["early", "late", "live"], "now": ["live"]}
    assert handled.texts() == expected.get(since, ["late", "live"])


async def test_all_partitions_are_read(
    store: Store, private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """The consumer learns from the store how many partitions there are; each event comes once, and its
    key tells it from all others."""
    logs = Logs(store, settings(partitions="4"))
    await logs.settle()
    rooms = [f"room-{number}" for number in range(12)]
    assert {logs.of(room) for room in rooms} == set(logs.all)
    for room in rooms:
        await say(logs, "hello", room=room)
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled, concurrency=4)
    assert sorted(each.room for each in handled.deliveries) == sorted(rooms)
    assert len({each.key for each in handled.deliveries}) == len(rooms)


async def test_one_room_alone_can_be_read(private_store: PrivateStore, log: Log) -> None:
    """With a room its events come and no others; those are skipped, and hold nothing up."""
    await say(log, "a")
    await say(log, "elsewhere", room="other")
    await say(log, "b")
    handled = Handled()
    async with Consumer(private_store.url, "mailer", room="lobby") as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["a", "b"]
    with private_store.client() as client:
        assert pending(client, "mailer") == 0
        assert counted(client, "mailer", "skipped") == 1


async def test_unknown_types_are_skipped_and_broken_entries_buried(
    private_store: PrivateStore, log: Log
) -> None:
    """An event of a type to come stops nobody; one that breaks the contract is a dead letter."""
    with private_store.client() as client:
        client.xadd(KEYS.log, {"type": "room.renamed", "room": "lobby"})
        broken = client.xadd(KEYS.log, {"type": "message.posted", "room": "lobby"}).decode()
        await say(log, "sound")
        handled = Handled()
        async with Consumer(private_store.url, "mailer") as consumer:
            await drain(consumer, handled)
        assert handled.texts() == ["sound"]
        (letter,) = letters(client, "mailer")
        assert (letter["entry"], letter["group"]) == (broken, "mailer")
        assert letter["error"] == "the field ttl is missing"
        assert pending(client, "mailer") == 0


async def test_what_has_expired_is_never_handed_out(private_store: PrivateStore, log: Log) -> None:
    """A message whose time is over by the store's clock is not given to a program, also while nobody
    has swept it; it is reported."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client) - 5_000}-0", "over", ttl=4_000)
        add_posted(client, f"{now_ms(client) - 4_000}-0", "living")
        handled, reports = Handled(), Reports()
        async with Consumer(private_store.url, "mailer", report=reports) as consumer:
            await drain(consumer, handled)
        assert handled.texts() == ["living"]
        assert reports.expired() == 1
        assert pending(client, "mailer") == 0


async def test_what_expires_in_hand_is_not_handed_out(
    private_store: PrivateStore, log: Log
) -> None:
    """A message that was read in time, and whose turn comes too late, is not given to the program."""
    await say(log, "slow")
    await say(log, "brief", ttl=1_000)
    handled, reports = Handled(), Reports()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        with private_store.client() as client:
            over = delivery.id.ms + 1_100
            await wait_until(lambda: now_ms(client) > over, "the other one's time is over")

    async with Consumer(private_store.url, "mailer", report=reports) as consumer:
        await drain(consumer, handle)
    assert handled.texts() == ["slow"]
    assert reports.expired() == 1


async def test_an_erasure_comes_as_an_event_and_its_message_does_not(
    monkeypatch: pytest.MonkeyPatch, private_store: PrivateStore, log: Log
) -> None:
    """Who is told to forget a message is not given it any more, also if it was read before."""
    # By the event alone, and not by the next sign of life.
    monkeypatch.setattr("consumers.keeper._EVERY_S", 60.0)
    monkeypatch.setattr("consumers.keeper._IN_AN_IDLE", 0.1)
    first, second = map(EntryId.parse, await say(log, "first", "second"))
    handled = Handled()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        if delivery.id == first:
            await log.erase("lobby", second, "author")
            held = consumer._hand.waiting(0, second)
            assert held is not None
            await wait_until(lambda: held.is_lost, "it is taken back")

    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handle)
    assert handled.texts() == ["first"]
    erased = handled.deliveries[-1].event
    assert isinstance(erased, MessageErased)
    assert erased.message == str(second)


@pytest.mark.parametrize("how", ["erased", "acked"])
async def test_what_waited_long_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch, private_store: PrivateStore, log: Log, how: str
) -> None:
    """What was read some time ago and is gone or another's by now is not handed out."""
    monkeypatch.setattr("consumers.share._FRESH_S", 0.0)
    monkeypatch.setattr("consumers.intake.Intake._read_new", _read_once)
    first, second = map(EntryId.parse, await say(log, "first", "second"))
    handled = Handled()

    async def handle(delivery: Delivery) -> None:
        await handled(delivery)
        if how == "erased":
            await log.erase("lobby", second, "author")
        else:
            with private_store.client() as client:
                client.xack(KEYS.log, "mailer", str(second))

    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handle)
    assert handled.texts() == ["first"]
    assert first < second


async def _read_once(intake: Intake, count: int) -> None:
    """Reads what there is, and then no more: so it does not hear of an erasure."""
    if not intake.at_end.is_set():
        await intake._share.admit(as_pending(await intake._share.group.new(count)))
    intake.at_end.set()
    await asyncio.sleep(0.01)


async def test_batches_come_in_order_and_are_acked_as_one(
    private_store: PrivateStore, log: Log
) -> None:
    """A batch handler gets up to so many at a time, the oldest first, and nothing twice."""
    await say(log, *(f"{number}" for number in range(25)))
    batches: list[list[str]] = []
    async with Consumer(private_store.url, "mailer") as consumer:

        async def handle(batch: list[Delivery]) -> None:
            batches.append([text_of(each) for each in batch])
            if sum(map(len, batches)) == 25:
                consumer.stop()

        await consumer.run_batches(handle, most=10)
    assert [text for batch in batches for text in batch] == [f"{number}" for number in range(25)]
    assert max(map(len, batches)) <= 10
    assert len(batches) < 25
    with private_store.client() as client:
        assert pending(client, "mailer") == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"group": "projector"}, "not projector"),
        ({"group": "a b"}, "a consumer group's name"),
        ({"group": "g", "room": "a/b"}, "a room's name"),
        ({"group": "g", "name": "a b"}, "a consumer's name"),
    ],
)
def test_what_is_not_allowed_is_refused_at_once(given: dict[str, str], said: str) -> None:
    """A wrong name is refused before any store is asked, and the messenger's own group is not to be
    had."""
    with pytest.raises(BadRequest, match=said):
        Consumer("unix:///nowhere", **given)


@pytest.mark.parametrize("since", ["yesterday", "2999-01-01T00:00:00Z"])
async def test_a_start_that_can_not_be_is_refused(
    private_store: PrivateStore, log: Log, since: str
) -> None:
    """No moment, or one in the future, where a group would miss what comes until then: refused, and no
    group is made."""
    with pytest.raises(BadRequest, match="since: "):
        await Consumer(private_store.url, "mailer", since=since).__aenter__()
    with private_store.client() as client:
        assert [group["name"] for group in client.xinfo_groups(KEYS.log)] == [b"projector"]


@pytest.mark.parametrize("given", [{"attempts": 0}, {"first": "soon"}, {"idle": "10ms"}])
def test_retries_that_can_not_be_are_refused(given: dict[str, object]) -> None:
    """Each value that makes no sense is named, with what is allowed."""
    (name,) = given
    with pytest.raises(ValueError, match=name):
        type(QUICK)(**given)  # type: ignore[arg-type]


async def test_without_a_store_it_does_not_start(private_store: PrivateStore) -> None:
    """Where there is no store, or one that nobody has used, the start says so."""
    with pytest.raises(StoreUnavailable):
        await Consumer("unix:///nowhere/socket", "mailer").__aenter__()
    with pytest.raises(StoreUnavailable, match="nobody has used"):
        await Consumer(private_store.url, "mailer").__aenter__()
