"""What the short commands share: the store at hand, its settings, and text made safe to print."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Coroutine
from datetime import datetime
from typing import Any

from messenger import messages
from messenger.adopt import adopt
from messenger.cli.output import print_bytes
from messenger.cli.processes import store_url
from messenger.connection import Store
from messenger.errors import StoreUnavailable
from messenger.log import Logs
from messenger.messages import Message
from messenger.settings import Settings

# Whatever another program wrote into the log, it must not steer a terminal.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Logs]:
    """The logs of the store at hand, as it was set up; StoreUnavailable if there is none."""
    async with Store(store_url(settings)) as store:
        adopted = await adopt(store, settings)
        if adopted is None:
            raise StoreUnavailable("nobody has used this store yet; start `messenger up` on it")
        logs = Logs(store, adopted)
        await logs.settle()
        yield logs


def print_message(message: Message, *, as_json: bool) -> None:
    if as_json:
        print_bytes(messages.encode(message))
        return
    when = datetime.fromtimestamp(message.created_at / 1_000).astimezone()
    said = set_in(f"{one_line(message.author)}: {message.text}")
    print_bytes(f"{when:%H:%M:%S} {message.id} {one_line(message.room)} {said}".encode())


def one_line(text: str) -> str:
    """A name made safe to print: no line break, nothing that steers a terminal."""
    return _CONTROLS.sub("�", text).replace("\n", "�")


def set_in(text: str) -> str:
    """A text made safe to print: what follows a line break is set in, or it could look like ours."""
    return _CONTROLS.sub("�", text).replace("\n", "\n    ")
