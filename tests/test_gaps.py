"""Promise 5, finer: a gap is told where something is missing and nowhere else, and moves no cursor."""

from collections.abc import Callable

from messenger.log import Log
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until

HOUR = 3_600_000


async def _is_over(messenger: Messenger, posted: dict[str, str]) -> bool:
    path = f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}"
    async with messenger.session.get(path) as response:
        return response.status == 410


async def test_a_gap_moves_no_cursor(messenger: Messenger) -> None:
    """Messages older than a gap's end may follow it: a reader that is cut right after the gap is told
    all of it again. When it has everything, its cursor is moved on."""
    first = await messenger.post("first")
    lasting = await messenger.post("lasting")
    brief = await messenger.post("brief", ttl=1_000)
    await wait_until(lambda: _is_over(messenger, brief), "the brief message is over")
    async with messenger.stream(last_id=first["id"]) as stream:
        await stream.until("gap")
        assert stream.last_id == first["id"]
        assert (await stream.next()).id == lasting["id"]
        last = await messenger.post("last")
        assert (await stream.next()).id == last["id"]
        assert stream.heartbeats == 1


async def test_a_new_history_moves_the_cursor(messenger: Messenger) -> None:
    """Nothing of an old history is to be resumed: its gap has an id of the new one."""
    posted = await messenger.post("now")
    future = f"{posted['created_at'] + HOUR}-0"
    async with messenger.stream(last_id=future) as stream:
        gap = await stream.until("gap")
        assert (gap.data["reason"], stream.last_id) == ("reset", "0-0")


async def test_after_a_long_silence_nothing_is_said_to_be_missing(
    log: Log, private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """The cursor of a log that was silent for longer than the window is old, and misses nothing: not
    when a message comes at last, in this room or in another."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 5 * HOUR}-old")
        silent_since = add_posted(client, f"{now - 2 * HOUR}-0", "long ago")
        client.xtrim(KEYS.log, maxlen=0)
    messenger = await run_messenger()
    assert (await messenger.page())["cursor"] == silent_since
    await messenger.post("at last", room="elsewhere")
    posted = await messenger.post("at last")
    async with messenger.stream(last_id=silent_since) as stream:
        assert (await stream.next()).name == "hello"
        event = await stream.next()
        assert (event.name, event.id) == ("message", posted["id"])


async def test_what_ended_before_this_process_began_may_be_missing_anywhere(
    log: Log, private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """A process knows nothing of short lives that ended before it began, but up to where they may
    have been: whoever comes with an older cursor is told, in every room."""
    with private_store.client() as client:
        now = now_ms(client)
        client.hset(KEYS.meta, "epoch", f"{now - 5 * HOUR}-old")
        seen = add_posted(client, f"{now - 60_000}-0", "seen")
        swept = f"{now - 50_000}-0"
        client.hset(KEYS.meta, "swept_to", swept)
        kept = add_posted(client, f"{now - 40_000}-0", "kept", room="other")
    messenger = await run_messenger()
    for room in ("lobby", "other", "empty"):
        async with messenger.stream(room, last_id=seen) as stream:
            gap = await stream.until("gap")
            assert gap.data == {"reason": "expired", "after": seen, "until": swept}
        async with messenger.stream(room, last_id=kept) as stream:
            await stream.next()
            await messenger.post("next", room=room)
            assert (await stream.next()).name == "message"
