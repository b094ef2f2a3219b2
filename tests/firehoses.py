"""Listening to all rooms at once, by either format."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.conversations import Conversation
from tests.serving import Messenger
from tests.streams import Stream

TOKEN = "an-operators-token-of-enough-length"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}

Open = Callable[..., contextlib.AbstractAsyncContextManager[Any]]


@contextlib.asynccontextmanager
async def streamed(messenger: Messenger, **query: str) -> AsyncIterator[Stream]:
    headers = dict(AUTHORIZED)
    if "last_id" in query:
        headers["Last-Event-ID"] = query.pop("last_id")
    path = f"{messenger.url}/api/events"
    async with messenger.session.get(path, params=query, headers=headers) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)


@contextlib.asynccontextmanager
async def socketed(messenger: Messenger, **query: str) -> AsyncIterator[Conversation]:
    if "last_id" in query:
        query["after"] = query.pop("last_id")
    path = f"{messenger.url}/api/socket"
    async with messenger.session.ws_connect(path, params=query, headers=AUTHORIZED) as socket:
        yield Conversation(socket)
