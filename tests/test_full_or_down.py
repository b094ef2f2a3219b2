"""Promise 8: full or down is said plainly; and promise 2: what was accepted is kept."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from messenger.entries import START
from tests.private_store import PrivateStore
from tests.raw import counts, texts
from tests.serving import Messenger
from tests.waiting import wait_until

POST = "/api/rooms/lobby/messages"


async def refusal(messenger: Messenger) -> dict[str, Any]:
    return await messenger.problem("POST", POST, json={"text": "no"})


async def health(messenger: Messenger, kind: str = "ready") -> tuple[int, dict[str, Any]]:
    async with messenger.session.get(f"{messenger.url}/health/{kind}") as response:
        return response.status, await response.json()


async def can_post(messenger: Messenger) -> bool:
    async with messenger.session.post(messenger.url + POST, json={"text": "again"}) as response:
        return response.status == 201


async def test_a_full_store_refuses_posts_and_goes_on_reading(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Messenger]
) -> None:
    """503 with Retry-After while memory is full; reading and erasing go on; then it heals."""
    private = own_store()
    messenger = await run_messenger(private)
    posted = await messenger.post("kept")
    with private.client() as client:
        client.config_set("maxmemory", "1")
        full = await refusal(messenger)
        assert (full["status"], full["code"]) == (503, "store-full")
        assert int(full["headers"]["Retry-After"]) > 0
        assert await messenger.texts() == ["kept"]
        async with messenger.session.delete(
            f"{messenger.url}{POST}/{posted['id']}",
            headers={"Authorization": f"Bearer {posted['erase_token']}"},
        ) as response:
            assert response.status == 204
        client.config_set("maxmemory", "0")
        await messenger.post("again")
        assert texts(client) == ["again"]


async def test_a_frozen_store_is_said_within_three_seconds(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Messenger]
) -> None:
    """Posts get 503 in time, reads go on from memory, readiness says no and liveness yes; it heals."""
    private = own_store()
    messenger = await run_messenger(private)
    await messenger.post("kept")
    private.freeze()
    began = time.monotonic()
    down = await refusal(messenger)
    assert time.monotonic() - began < 3.0
    assert (down["status"], down["code"]) == (503, "store-unavailable")
    assert int(down["headers"]["Retry-After"]) > 0
    assert await messenger.texts() == ["kept"]
    assert (await health(messenger))[0] == 503
    assert (await health(messenger, "live"))[0] == 200
    private.thaw()
    thawed = time.monotonic()
    await wait_until(lambda: can_post(messenger), "posting works again")
    assert time.monotonic() - thawed < 2.0

    async def is_ready() -> bool:
        return (await health(messenger))[1]["status"] == "ready"

    await wait_until(is_ready, "readiness says yes")


async def test_a_store_that_is_gone_does_not_take_the_page_along(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Messenger]
) -> None:
    """With the store killed the page still shows what lives, and a form post keeps its text."""
    private = own_store()
    messenger = await run_messenger(private)
    await messenger.post("kept")
    private.kill()
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        assert response.status == 200
        assert "kept" in await response.text()
    form = {"text": "my unsent words", "nonce": "n"}
    async with messenger.session.post(messenger.url + "/r/lobby", data=form) as response:
        assert response.status == 503
        assert "my unsent words" in await response.text()
    private.start()


async def test_kill_9_of_the_store_loses_and_doubles_nothing(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Messenger]
) -> None:
    """Writers post on while the store is killed twice: every accepted post is there once, in the log
    and in the view."""
    private = own_store()
    messenger = await run_messenger(private)
    accepted: list[str] = []
    ended = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        while not ended.is_set():
            text = f"{writer}-{number}"
            request = {"json": {"text": text}, "headers": {"Idempotency-Key": text}}
            async with messenger.session.post(messenger.url + POST, **request) as response:
                if response.status == 201:
                    accepted.append(text)
                    number += 1

    writers = [asyncio.create_task(write(writer)) for writer in range(4)]
    for kills in range(1, 3):
        await wait_until(lambda goal=200 * kills: len(accepted) > goal, "posts were accepted")
        private.kill()
        private.start()
    await wait_until(lambda: len(accepted) > 600, "posts go on")
    ended.set()
    await asyncio.gather(*writers)
    with private.client() as client:
        assert sorted(texts(client)) == sorted(accepted)

        await wait_until(
            lambda: counts(client) == {"posted": len(accepted)}, "each has counted once"
        )
    assert len(await messenger.logs.all[0].range(START, count=10_000)) == len(accepted)


async def test_readiness_tells_of_a_worker_that_is_not_there(
    run_messenger: Callable[..., Messenger],
) -> None:
    """Nobody sweeps: the web process serves, and says that a promise is in danger."""
    messenger = await run_messenger(with_worker=False)
    status, found = await health(messenger)
    assert (status, found["status"]) == (200, "degraded")
    assert "sweeps" in found["problems"][0]
