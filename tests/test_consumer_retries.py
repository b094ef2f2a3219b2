"""An event that could not be handled comes again, later and later, and in the end is a dead letter."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.membership import Retries
from messenger.connection import Store
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.consuming import QUICK, Handled, counted, drain, letters, pending, say, text_of
from tests.private_store import PrivateStore


def _fails_at(text: str, times: int = 1_000) -> Handled:
    """A handler that fails at a text, so many times."""
    left = times

    def fails(delivery: Delivery) -> BaseException | None:
        nonlocal left
        if text_of(delivery) != text or left == 0:
            return None
        left -= 1
        return RuntimeError(f"no {text} today")

    return Handled(fails)


async def test_a_failure_comes_again_until_it_is_handled(
    private_store: PrivateStore, log: Log
) -> None:
    """The second attempt succeeds: it is handled, its attempts are told, and nothing is buried."""
    await say(log, "a", "b")
    handled = _fails_at("a", times=1)
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handled)
    assert [(text_of(each), each.attempt) for each in handled.deliveries] == [
        ("a", 2),  # both are the same delivery
        ("a", 2),
        ("b", 1),
    ]
    with private_store.client() as client:
        assert letters(client, "mailer") == []
        assert counted(client, "mailer", "handled") == 2


async def test_after_the_last_attempt_it_is_buried_with_all_there_is_to_know(
    private_store: PrivateStore, log: Log
) -> None:
    """The dead letter has the entry as it stood, the error, the attempts and the group; what comes after
    it is handled."""
    (bad, _) = await say(log, "bad", "good")
    handled = _fails_at("bad")
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["bad"] * 3 + ["good"]
    with private_store.client() as client:
        assert letters(client, "mailer") == [
            {
                "entry": bad,
                "group": "mailer",
                "error": "RuntimeError: no bad today",
                "attempts": "3",
                "type": "message.posted",
                "room": "lobby",
                "author": "me",
                "text": "bad",
                "ttl": "900000",
            }
        ]
        assert pending(client, "mailer") == 0
        assert counted(client, "mailer", "buried") == 1


async def test_other_rooms_do_not_wait_for_one_that_fails(
    private_store: PrivateStore, log: Log
) -> None:
    """While an event rests before its next attempt its own room waits, and others are handled."""
    await say(log, "bad", "behind")
    await say(log, *(f"{number}" for number in range(50)), room="other")
    handled = _fails_at("bad", times=1)
    patient = Retries(attempts=2, first="1s", cap="1s")
    async with Consumer(private_store.url, "mailer", retries=patient) as consumer:
        await drain(consumer, handled)
    assert handled.texts() == ["bad", *(f"{number}" for number in range(50)), "bad", "behind"]


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)])
def test_the_rest_is_doubled_up_to_a_cap(attempt: int, wait: float) -> None:
    """Each time it rests twice as long, never longer than the cap, and not all in step."""
    waits = {Retries().wait_s(attempt) for _ in range(50)}
    assert all(wait * 0.8 <= each <= wait * 1.2 for each in waits)
    assert len(waits) > 10


async def test_the_attempts_outlive_the_consumer(private_store: PrivateStore, log: Log) -> None:
    """What failed before a stop is counted after it: a restart gives no new attempts."""
    await say(log, "bad")
    handled = _fails_at("bad")
    slow = Retries(attempts=3, first="1h", cap="1h")
    for _ in range(3):
        async with Consumer(private_store.url, "mailer", retries=slow) as consumer:
            before = len(handled.deliveries)

            async def handle(delivery: Delivery) -> None:
                try:
                    await handled(delivery)
                finally:
                    consumer.stop()

            await consumer.run(handle)
            assert len(handled.deliveries) == before + 1
    with private_store.client() as client:
        (letter,) = letters(client, "mailer")
        assert letter["attempts"] == "3"


async def test_a_program_that_iterates_can_fail_an_event(
    private_store: PrivateStore, log: Log
) -> None:
    """In a loop over deliveries retry() does what an exception does in a handler."""
    await say(log, "bad", "good")
    seen: list[str] = []
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        async for delivery in consumer:
            seen.append(text_of(delivery))
            if seen[-1] == "bad":
                await consumer.retry(delivery, "the mail server said no")
            else:
                await consumer.ack(delivery)
                break
    assert seen == ["bad"] * 3 + ["good"]
    with private_store.client() as client:
        (letter,) = letters(client, "mailer")
        assert letter["error"] == "the mail server said no"


async def test_what_was_acked_stays_done(private_store: PrivateStore, log: Log) -> None:
    """A handler that fails after it has acked, or has given its event back already, fails no more."""
    await say(log, "acked", "given back", "after")
    seen: list[str] = []

    async def handle(delivery: Delivery) -> None:
        seen.append(text_of(delivery))
        if seen[-1] == "acked":
            await consumer.ack(delivery)
        if seen[-1] == "given back" and delivery.attempt == 1:
            await consumer.retry(delivery, "no")
        if seen[-1] != "after" and seen.count(seen[-1]) == 1:
            raise RuntimeError("too late")

    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handle)
    assert seen == ["acked", "given back", "given back", "after"]
    with private_store.client() as client:
        assert letters(client, "mailer") == []
        assert pending(client, "mailer") == 0


@pytest.mark.parametrize("how", [{"concurrency": 0}, {"most": 0}])
async def test_nothing_at_a_time_is_refused(
    private_store: PrivateStore, log: Log, how: dict[str, int]
) -> None:
    """No handler at all, or batches of nothing, would never come to an end."""

    async def handle(_: object) -> None: ...

    async with Consumer(private_store.url, "mailer") as consumer:
        with pytest.raises(ValueError, match="allowed: 1 or more"):
            await (consumer.run_batches if "most" in how else consumer.run)(handle, **how)


async def test_one_bad_event_does_not_take_its_batch_along(
    private_store: PrivateStore, log: Log
) -> None:
    """A batch that fails is tried again, each event alone: only the bad one is buried."""
    await say(
        log, *(f"{number}" for number in range(5)), "bad", *(f"{number}" for number in range(5, 9))
    )
    done: list[str] = []
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:

        async def handle(batch: list[Delivery]) -> None:
            texts = [text_of(each) for each in batch]
            if "bad" in texts:
                raise RuntimeError(str(len(batch)))
            done.extend(texts)
            if len(done) == 9:
                consumer.stop()

        await consumer.run_batches(handle, most=20)
    assert sorted(done) == [f"{number}" for number in range(9)]
    with private_store.client() as client:
        (letter,) = letters(client, "mailer")
        assert (letter["text"], letter["error"]) == ("bad", "RuntimeError: 1")


async def test_an_effect_is_done_once(private_store: PrivateStore, log: Log) -> None:
    """Commands in the same store are done once for an event, however often it comes: with the mark or
    not at all, and the mark dies."""
    await say(log, "a")
    results: list[Any] = []

    async def handle(delivery: Delivery) -> None:
        results.append(
            await consumer.once(delivery, ("INCR", "{0}:posts"), ("SADD", "{0}:rooms", "a b"))
        )
        if len(results) < 3:
            raise RuntimeError("after the effect")

    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handle)
    assert results == [True, False, False]
    with private_store.client() as client:
        assert client.get("{0}:posts") == b"1"
        assert client.smembers("{0}:rooms") == {b"a b"}
        (mark,) = client.scan_iter(match="*:done:mailer:*")
        assert 0 < client.pttl(mark) <= 960_000
        client.delete("{0}:posts", "{0}:rooms")


async def test_an_effect_that_fails_is_not_marked_as_done(
    private_store: PrivateStore, log: Log
) -> None:
    """The store refuses the command: the handler fails, and the next attempt tries it again."""
    await say(log, "a")
    with private_store.client() as client:
        client.set("{0}:posts", "no number", px=60_000)
        tries: list[int] = []

        async def handle(delivery: Delivery) -> None:
            tries.append(delivery.attempt)
            if len(tries) == 2:
                client.set("{0}:posts", "41", px=60_000)
            assert await consumer.once(delivery, ("INCR", "{0}:posts"))

        async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
            await drain(consumer, handle)
        assert tries == [1, 2]
        assert client.get("{0}:posts") == b"42"


async def test_no_text_gets_into_our_logs(
    private_store: PrivateStore, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """What is logged of an event that can't be handled names it, and says nothing of what is in it."""
    await say(log, "the secret word")
    handled = _fails_at("the secret word")
    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handled)
    assert "is buried after 3 attempts" in caplog.text
    assert "secret" not in caplog.text


async def test_a_store_that_is_away_costs_no_attempt(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """While the store is frozen an effect in it waits, and the event is handled at its first attempt."""
    private = own_store()
    async with Store(private.url) as store:
        logs = Logs(store, settings())
        await logs.settle()
        await say(logs, "a")
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        private.freeze()
        asyncio.get_running_loop().call_later(3.0, private.thaw)
        await consumer.once(delivery, ("SET", "{0}:done", "1", "PX", 60_000))

    async with Consumer(private.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, handle)
    assert attempts == [1]
