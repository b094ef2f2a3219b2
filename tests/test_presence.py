"""Presence: how many are in a room, the same from every web process."""

import contextlib
from collections.abc import Callable

import redis

from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger, serving
from tests.streams import Stream
from tests.waiting import wait_until

Run = Callable[..., Messenger]


def signed(client: redis.Redis, process: str, ago_ms: int, rooms: str, version: int = 1) -> None:
    """Another web process gave its last sign of life so long ago, and has these readers."""
    sign = f"{now_ms(client) - ago_ms} {version}"
    client.hset(KEYS.here, mapping={process: sign, f"{process}:rooms": rooms})
    client.pexpire(KEYS.here, 60_000)


async def told(stream: Stream, here: int) -> list[int]:
    """What a stream is told until it is told that number."""
    found = []
    while here not in found:
        found.append((await stream.until("present")).data["here"])
    return found


async def test_hello_tells_how_many_are_here(messenger: Messenger) -> None:
    """The first thing on a stream counts its reader in; those who were there are told, and the
    newcomer is not told again what it knows."""
    async with messenger.stream() as first:
        assert (await first.next()).data["here"] == 1
        async with messenger.stream() as second, messenger.stream("other") as other:
            assert (await second.next()).data["here"] == 2
            assert (await other.next()).data["here"] == 1
            present = await first.next()
            assert (present.name, present.data) == ("present", {"room": "lobby", "here": 2})
            await messenger.post("x")
            assert (await second.next()).name == "message"
        await first.until("message")
        assert (await first.next()).data == {"room": "lobby", "here": 1}


async def test_two_processes_tell_the_same_number(run_messenger: Run) -> None:
    """A reader of either process sees all who are in the room, and sees them leave."""
    one, two = await run_messenger(), await run_messenger(with_worker=False)
    async with one.stream() as first, contextlib.AsyncExitStack() as later:
        await first.next()
        streams = [await later.enter_async_context(two.stream()) for _ in range(2)]
        assert await told(first, 3)
        assert await told(streams[0], 3)
        await one.post("where is everybody?")
        for messenger in (one, two):
            await wait_until(lambda m=messenger: here_in_list(m, 3), "the list says three")
        await later.aclose()
        assert (await told(first, 1))[-1] == 1


async def test_a_newcomer_learns_of_those_at_other_processes(run_messenger: Run) -> None:
    """The hello counts all processes, not only the one that says it."""
    one, two = await run_messenger(), await run_messenger(with_worker=False)
    await one.post("x")
    async with one.stream():
        await wait_until(lambda: here_in_list(two, 1), "the other process knows")
        async with two.stream() as stream:
            assert (await stream.next()).data["here"] == 2


async def test_rooms_of_many_partitions_have_their_readers(run_messenger: Run) -> None:
    """With several partitions every room has its own number, at every process."""
    given = {"partitions": "4"}
    one, two = await run_messenger(**given), await run_messenger(with_worker=False, **given)
    for room in ("a", "b", "c", "d", "e"):
        async with one.stream(room) as here, two.stream(room) as there:
            assert (await told(here, 2))[-1] == 2
            assert (await there.next()).data["here"] in (1, 2)


async def test_a_killed_process_s_readers_leave(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A process that gives no sign of life any more takes its readers along, and its fields go."""
    with private_store.client() as client:
        async with messenger.stream() as stream:
            await stream.next()
            signed(client, "killed", 0, '{"lobby":41}')
            assert await told(stream, 42) == [42]
            signed(client, "killed", 10_000, '{"lobby":41}')
            assert await told(stream, 1) == [1]
            assert not {b"killed", b"killed:rooms"} & set(client.hkeys(KEYS.here))


async def test_a_process_that_stops_takes_its_readers_along(
    private_store: PrivateStore, run_messenger: Run, settings: Callable[..., Settings]
) -> None:
    """A stop needs no waiting: what the process had written is gone when it ends."""
    one = await run_messenger()
    async with one.stream() as stream:
        await stream.next()
        with private_store.client() as client:
            async with (
                serving(private_store.url, settings(), with_worker=False) as two,
                two.stream(),
            ):
                assert await told(stream, 2) == [2]
                assert client.hlen(KEYS.here) == 4
            assert client.hlen(KEYS.here) == 2
        assert await told(stream, 1) == [1]


async def test_presence_moves_no_cursor(messenger: Messenger) -> None:
    """A reader resumes by the last entry that it has, however often it was told who is here."""
    async with messenger.stream() as first:
        hello = await first.next()
        async with messenger.stream():
            assert (await told(first, 2), first.last_id) == ([2], hello.id)
        posted = await messenger.post("x")
        assert (await first.until("message")).id == posted["id"]


async def test_a_store_that_is_away_takes_no_reader_along(
    own_store: Callable[..., PrivateStore], run_messenger: Run
) -> None:
    """While it is away the others count as last known and our own as they are; when it is back all
    are right again, and nobody was told that people left who did not."""
    store = own_store()
    one = await run_messenger(on=store)
    two = await run_messenger(on=store, with_worker=False)
    async with one.stream() as first, two.stream() as second:
        await told(first, 2)
        store.kill()
        async with one.stream() as third:
            assert (await third.next()).data["here"] == 3
            assert await told(first, 3) == [3]
            store.start()
            with store.client() as client:
                client.delete(KEYS.here)
            assert (await told(second, 3))[-1] == 3
            async with two.stream():
                assert await told(first, 4) == [4]


async def test_what_is_lost_is_written_again(
    private_store: PrivateStore, run_messenger: Run
) -> None:
    """A store that loses who is here is told anew, and nobody's number sinks meanwhile."""
    one, two = await run_messenger(), await run_messenger(with_worker=False)
    async with one.stream() as first, two.stream():
        await told(first, 2)
        with private_store.client() as client:
            client.delete(KEYS.here)
            await wait_until(lambda: client.hlen(KEYS.here) == 4, "both processes are back")
        async with one.stream():
            assert await told(first, 3) == [3]


async def here_in_list(messenger: Messenger, here: int) -> bool:
    async with messenger.session.get(messenger.url + "/api/rooms") as response:
        return [room["here"] for room in (await response.json())["rooms"]] == [here]
