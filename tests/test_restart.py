"""Promise 10: a restart ends streams cleanly, and they resume at the same place."""

import time
from collections.abc import Callable

from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until


async def test_a_stop_says_farewell_and_a_reader_resumes_where_it_was(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Streams end with a farewell and a clean end of the body, quickly; the next process goes on."""
    async with serving(private_store.url, settings()) as messenger:
        first = await messenger.post("first")
        entered = messenger.stream(after="0-0")
        stream = await entered.__aenter__()
        assert (await stream.messages(1))[0]["id"] == first["id"]
        began = time.monotonic()
        messenger.stop()
        rest = await stream.rest()
        assert [event.name for event in rest] == ["farewell"]
        assert rest[0].data == {"reason": "restart"}
        last_id = stream.last_id
        assert 500 <= stream.retry_ms <= 3_000
    assert time.monotonic() - began < 2.0
    async with serving(private_store.url, settings()) as messenger:
        second = await messenger.post("second")
        async with messenger.stream(last_id=last_id) as stream:
            names = [event.name for event in await stream.take(2)]
            assert names == ["hello", "message"]
            assert stream.last_id == second["id"]


async def test_what_was_posted_before_a_restart_is_there_after_it(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """The page, the older pages and one message are the same after a restart; so is the epoch."""
    async with serving(private_store.url, settings()) as messenger:
        posted = [await messenger.post(f"{number}") for number in range(5)]
        before = await messenger.page()
    async with serving(private_store.url, settings()) as messenger:
        after = await messenger.page()
        assert after["messages"] == before["messages"]
        assert after["cursor"] == before["cursor"]
        again = await messenger.page(before=posted[2]["id"])
        assert [message["id"] for message in again["messages"]] == [
            posted[0]["id"],
            posted[1]["id"],
        ]


async def test_a_shorter_window_takes_nothing_from_what_was_promised(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Restarted with a shorter window, older messages live on: they are read, and can be erased."""
    async with serving(private_store.url, settings(window="10m")) as messenger:
        kept, erased = await messenger.post("kept"), await messenger.post("erased")
    async with serving(private_store.url, settings(window="1s")) as messenger:
        path = f"{messenger.url}/api/rooms/lobby/messages"
        await wait_until(lambda: _is_older_than(messenger, kept, 1_000), "the new window is over")
        await messenger.post("new")
        async with messenger.stream() as stream:
            await stream.next()
            headers = {"Authorization": f"Bearer {erased['erase_token']}"}
            async with messenger.session.delete(f"{path}/{erased['id']}", headers=headers) as gone:
                assert gone.status == 204
            assert (await stream.until("erased")).data["message"] == erased["id"]
        assert "kept" in await messenger.texts()
        assert "erased" not in await messenger.texts()
        async with messenger.session.get(f"{path}/{kept['id']}") as one:
            assert one.status == 200
        assert (await messenger.page(before=kept["id"]))["messages"] == []


async def _is_older_than(messenger: Messenger, posted: dict[str, int], ms: int) -> bool:
    return (await messenger.page())["now"] > posted["created_at"] + ms
