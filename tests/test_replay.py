"""Replay: what the log holds, in its own order, whole."""

import asyncio
from collections.abc import Callable

import pytest

from messenger.connection import Store
from messenger.entries import START, Entry, EntryId
from messenger.log import Log, Logs, Post
from messenger.replay import Replay
from messenger.settings import Settings
from messenger.span import Span
from tests.past import fill, fill_in, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted
from tests.replaying import ALL, Kept, replayed


async def test_a_line_is_the_message_that_everyone_is_shown(
    private_store: PrivateStore, logs: Logs, log: Log
) -> None:
    """A line has the event's type and the members that a message has everywhere; an erasure names
    the message; what can't be read is counted."""
    first = await log.append(Post("lobby", "ann", "grüße\n🥊", ttl=60_000))
    second = await log.append(Post("lobby", "ann", "oops"))
    erased = await log.erase("lobby", second.id, "operator")
    with private_store.client() as client:
        client.xadd(KEYS.log, {"type": "message.posted", "room": "lobby"})
        client.xadd(KEYS.log, {"type": "room.renamed", "room": "lobby"})
    kept = await replayed(logs)
    assert kept.lines == [
        {
            "type": "message.posted",
            "id": str(first.id),
            "room": "lobby",
            "author": "ann",
            "text": "grüße\n🥊",
            "created_at": first.id.ms,
            "expires_at": first.id.ms + 60_000,
        },
        {
            "type": "message.erased",
            "id": str(erased),
            "room": "lobby",
            "erased": str(second.id),
            "by": "operator",
        },
    ]
    run = Replay(logs, ALL, None)
    await run.run(Kept(), asyncio.Event())
    assert (run.tally.entries, run.tally.foreign) == (2, 2)
    assert (run.tally.first, run.tally.last) == (first.id, erased)


async def test_more_than_a_page_comes_whole_and_in_order(
    private_store: PrivateStore, logs: Logs
) -> None:
    """Page after page, each entry once, in the order of the log; a span is after its begin and up to
    its end."""
    with private_store.client() as client:
        ids = list(ids_of_late(client, 2_500))
        fill(client, ids)
    assert (await replayed(logs)).texts == ids
    span = Span(EntryId.parse(ids[700]), EntryId.parse(ids[2_100]), None)
    assert (await replayed(logs, span)).texts == ids[701:2_101]


async def test_partitions_are_one_in_the_order_of_time(
    private_store: PrivateStore, store: Store, settings: Callable[..., Settings]
) -> None:
    """Several logs come merged by id, equal ids beside each other, whatever their lengths; a room
    comes alone."""
    logs = Logs(store, settings(partitions="3"))
    await logs.settle()
    rooms = {logs.of(f"r{n}").keys.partition: f"r{n}" for n in range(20)}
    with private_store.client() as client:
        ids = list(ids_of_late(client, 1_500))
    fill_in(private_store, ids, 0, rooms[0])
    fill_in(private_store, ids[::10], 1, rooms[1])
    fill_in(private_store, ids[1_400:], 2, rooms[2])
    kept = await replayed(logs)
    parsed = [EntryId.parse(text) for text in kept.texts]
    assert parsed == sorted(parsed)
    assert len(kept.lines) == 1_500 + 150 + 100
    assert len({(line["id"], line["room"]) for line in kept.lines}) == len(kept.lines)
    only = await replayed(logs, Span(START, ALL.until, rooms[1]))
    assert only.texts == ids[::10]


@pytest.mark.parametrize("alone", [0, 1, 2])
@pytest.mark.parametrize("stop_after", [1, 3, 4, 5, 500, 898])
async def test_a_stop_never_parts_what_goes_on(
    private_store: PrivateStore,
    store: Store,
    settings: Callable[..., Settings],
    stop_after: int,
    alone: int,
) -> None:
    """Wherever it is stopped, also beside equal ids, what comes after the position that it tells is
    what it has not given; and after its last line too, where that is all that is left of it."""
    logs = Logs(store, settings(partitions="3"))
    await logs.settle()
    rooms = {logs.of(f"r{n}").keys.partition: f"r{n}" for n in range(20)}
    with private_store.client() as client:
        ids = list(ids_of_late(client, 600))
    fill_in(private_store, ids[:alone], 1, rooms[1])
    for partition in (0, 2):
        fill_in(private_store, ids[alone::2], partition, rooms[partition])
    fill_in(private_store, ids[alone + 1 :: 2], 1, rooms[1])
    everything = (await replayed(logs)).lines
    stop, kept = asyncio.Event(), Kept()

    class Stopping(Kept):
        async def write(self, entries: list[Entry]) -> int:
            await kept.write(entries)
            if len(kept.lines) >= stop_after:
                stop.set()
            return 0

    first = Replay(logs, ALL, None)
    await first.run(Stopping(), stop)
    rest = await replayed(logs, Span(first.position, ALL.until, None))
    assert kept.lines + rest.lines == everything
    had = everything[:stop_after]
    again = Kept()
    already = (EntryId.parse(had[-1]["id"]), had[-1]["room"])
    await Replay(logs, ALL, None, already).run(again, asyncio.Event())
    assert had + again.lines == everything


async def test_an_entry_of_another_program_is_read_as_the_log_has_it(
    private_store: PrivateStore, logs: Logs
) -> None:
    """Fields in another order and fields more are read by their names."""
    with private_store.client() as client:
        fields = {"ttl": "900000", "mood": "calm", "text": "odd", "type": "message.posted"}
        client.xadd(KEYS.log, {**fields, "author": "raw", "room": "lobby"})
        add_posted(client, "*", "usual")
    assert (await replayed(logs)).texts == ["odd", "usual"]
