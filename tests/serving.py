"""The messenger in the tests' own process: web and worker on a real port, as `up` runs them."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from consumers.worker import work
from messenger.cli.traced import log_kind
from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.conversations import Conversation
from tests.streams import Stream
from tests.users import url_as
from web.server import serve


class Messenger:
    """A running messenger and a client of its own."""

    def __init__(
        self, logs: Logs | None, url: str, session: aiohttp.ClientSession, stop: Callable[[], None]
    ) -> None:
        self.stop = stop
        self.logs = logs
        self.url = url
        self.session = session

    async def post(
        self, text: str, room: str = "lobby", key: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Posts and expects to be accepted."""
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self.session.post(
            f"{self.url}/api/rooms/{room}/messages", json={"text": text, **more}, headers=headers
        ) as response:
            found: dict[str, Any] = await response.json()
            assert response.status == 201, found
            return found

    async def page(self, room: str = "lobby", **query: Any) -> dict[str, Any]:
        path = f"{self.url}/api/rooms/{room}/messages"
        async with self.session.get(path, params=query) as response:
            assert response.status == 200, await response.text()
            found: dict[str, Any] = await response.json()
            return found

    async def is_read(self, room: str = "lobby") -> bool:
        """Whether the room's log has been read; for a moment after a reset pages are refused."""
        async with self.session.get(f"{self.url}/api/rooms/{room}/messages") as response:
            assert response.status in (200, 503), await response.text()
            return response.status == 200

    async def texts(self, room: str = "lobby", **query: Any) -> list[str]:
        return [message["text"] for message in (await self.page(room, **query))["messages"]]

    async def problem(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Asks for something that is refused; the problem, its shape checked."""
        async with self.session.request(method, self.url + path, **request) as response:
            assert response.content_type == "application/problem+json", await response.text()
            found: dict[str, Any] = await response.json(content_type=None)
            assert found["status"] == response.status
            assert found["type"] == f"urn:messenger:problem:{found['code']}"
            assert {"title", "detail", "instance"} <= found.keys()
            return found | {"headers": response.headers}

    @contextlib.asynccontextmanager
    async def stream(self, room: str = "lobby", **query: Any) -> AsyncIterator[Stream]:
        headers = {"Last-Event-ID": query.pop("last_id")} if "last_id" in query else {}
        async with self.session.get(
            f"{self.url}/api/rooms/{room}/events", params=query, headers=headers
        ) as response:
            assert response.status == 200, await response.text()
            yield Stream(response)

    @contextlib.asynccontextmanager
    async def socket(self, room: str = "lobby", **query: Any) -> AsyncIterator[Conversation]:
        path = f"{self.url}/api/rooms/{room}/socket"
        async with self.session.ws_connect(path, params=query) as connected:
            yield Conversation(connected)


@contextlib.contextmanager
def serving_in_thread(url: str, settings: Settings) -> Iterator[str]:
    """The same in a loop and a thread of its own, for many tests on one messenger; its address."""
    address: Future[str] = Future()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with serving(url, settings) as running:
            address.set_result(running.url)
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield address.result(20)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@contextlib.asynccontextmanager
async def serving(
    url: str, settings: Settings, *, with_worker: bool = True
) -> AsyncIterator[Messenger]:
    """Web and, unless told otherwise, worker on the store at `url`, each as the store's user for its
    role and with no right beyond; ended in the order of `up`."""
    stop, worker_stop = asyncio.Event(), asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with AsyncExitStack() as stack:
        stores = [Store(each) for each in (url, url_as(url, "worker"), url_as(url, "web"))]
        logs, workers, webs = [
            Logs(await stack.enter_async_context(store), settings, log_kind(settings))
            for store in stores
        ]
        # The test's own last: all that there is to be made is made with the rights of a role.
        for each in (workers, webs, logs):
            await each.settle()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        if with_worker:
            group.create_task(work(workers, worker_stop))
        web = group.create_task(serve(webs, stop, address.set_result))
        async with aiohttp.ClientSession() as session:
            try:
                yield Messenger(logs, await address, session, stop.set)
            finally:
                stop.set()
                await web
                worker_stop.set()
