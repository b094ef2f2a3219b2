"""`messenger tail`."""

import asyncio

import click

from messenger import messages, moments, wording
from messenger.cli.beside import opened, print_json, print_message, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.processes import stop_on_signals
from messenger.clock import StoreClock
from messenger.entries import Entry
from messenger.errors import BadRequest
from messenger.events import MessageErased, MessagePosted
from messenger.log import Log
from messenger.settings import Settings
from messenger.tail import Tail


@click.command("tail")
@click.argument("room", required=False)
@click.option("--since", default="now", show_default=True, help=f"Where to begin: {moments.FORM}.")
@json_option
@settings_options(*STORE)
def command(room: str | None, since: str, as_json: bool, **given: str | None) -> None:
    """Follow ROOM, or all of them: prints each message as it comes, until interrupted."""
    name = None if room is None else wording.check_room(room)
    run(_tail(load_settings(given), name, since, as_json=as_json))


async def _tail(settings: Settings, room: str | None, since: str, *, as_json: bool) -> None:
    stop = stop_on_signals()
    async with opened(settings) as logs:
        chosen = logs.all if room is None else [logs.of(room)]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_follow(log, room, since, as_json=as_json)) for log in chosen
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()


async def _follow(log: Log, room: str | None, since: str, *, as_json: bool) -> None:
    clock = StoreClock()
    seconds, micros = await log.store.client.time()
    clock.look(seconds * 1_000 + micros / 1_000)
    try:
        begin = moments.parse(since, clock.now())
    except ValueError as error:
        raise BadRequest(f"--since: {error}", code="bad-cursor") from None
    tail = Tail(log.store, log.keys, clock, begin)
    while True:
        for entry in (await tail.read()).entries:
            _print(entry, room, clock.now(), as_json=as_json)


def _print(entry: Entry, room: str | None, now: int, *, as_json: bool) -> None:
    event = entry.event
    if not isinstance(event, MessagePosted | MessageErased) or room not in (None, event.room):
        return
    if isinstance(event, MessageErased):
        if as_json:
            print_json({"id": str(entry.id), "room": event.room, "erased": event.message})
        return
    message = messages.of(entry.id, event)
    if message.expires_at > now:
        print_message(message, as_json=as_json)
