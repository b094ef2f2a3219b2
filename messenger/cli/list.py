"""`messenger list`."""

import click

from messenger import wording
from messenger.cli.beside import one_line, opened, print_message, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_json
from messenger.clock import ms_of
from messenger.log import Logs
from messenger.settings import Settings


@click.command("list")
@click.argument("room", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@settings_options(*STORE)
def command(room: str | None, limit: int, as_json: bool, **given: str | None) -> None:
    """Print the newest messages of ROOM, in chat order; without it the rooms that live."""
    name = None if room is None else wording.check_room(room)
    run(_list(load_settings(given), name, limit, as_json=as_json))


async def _list(settings: Settings, room: str | None, limit: int, *, as_json: bool) -> None:
    from consumers.view import View

    async with opened(settings) as logs:
        if room is None:
            await _rooms(logs, limit, as_json=as_json)
            return
        for message in await View(logs.of(room)).page(room, None, limit):
            print_message(message, as_json=as_json)


async def _rooms(logs: Logs, limit: int, *, as_json: bool) -> None:
    from consumers.view import View

    now = int(ms_of(await logs.store.pipe.call("TIME")))
    found = [row for log in logs.all for row in await View(log).rooms(now)]
    for row in sorted(found, key=lambda each: -each.expires_at)[:limit]:
        if as_json:
            print_json(row)
        else:
            left_s = (row.expires_at - now) // 1_000
            print(f"{one_line(row.room)} (empty in {left_s}s)")
