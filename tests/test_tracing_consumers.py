"""A trace goes on in consumers: from the request through the entry to who handles it."""

import sys

from consumers.consumer import Consumer
from messenger.log import Log
from tests.commands import Commands
from tests.consuming import Handled, drain, say
from tests.private_store import PrivateStore
from tests.raw import KEYS

_SPAN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def add_traced(private_store: PrivateStore) -> None:
    fields = ("type", "message.posted", "room", "lobby", "author", "me", "text", "traced")
    with private_store.client() as client:
        words = (*fields, "ttl", "60000", "traceparent", _SPAN)
        client.execute_command("XADD", KEYS.log, "*", *words)


async def test_a_delivery_tells_its_trace(private_store: PrivateStore, log: Log) -> None:
    """What was traced comes with its span, and what was not with none."""
    await say(log, "not traced")
    add_traced(private_store)
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled)
    assert [each.traceparent for each in handled.deliveries] == [None, _SPAN]


async def test_a_command_is_told_the_trace(private_store: PrivateStore, log: Log) -> None:
    """A command has the span of its event in its environment; not one that we were started in."""
    await say(log, "not traced")
    add_traced(private_store)
    tells = "import os; print(os.environ.get('TRACEPARENT'), flush=True)"
    url = private_store.url
    async with Commands(MESSENGER_STORE_URL=url, TRACEPARENT=_SPAN.replace("4bf", "5bf")) as made:
        running = await made.start("consume", "--group", "g", "--", sys.executable, "-c", tells)
        assert [await running.line(), await running.line()] == ["None", _SPAN]
