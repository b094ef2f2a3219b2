"""`messenger get`."""

import click

from messenger import wording
from messenger.cli.beside import opened, print_message, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.entries import EntryId
from messenger.errors import BadRequest
from messenger.settings import Settings


@click.command("get")
@click.argument("room")
@click.argument("message")
@json_option
@settings_options(*STORE)
def command(room: str, message: str, as_json: bool, **given: str | None) -> None:
    """Print the message with the id MESSAGE of ROOM."""
    try:
        entry_id = EntryId.parse(message)
    except ValueError as error:
        raise BadRequest(str(error), code="bad-id") from None
    run(_get(load_settings(given), wording.check_room(room), entry_id, as_json=as_json))


async def _get(settings: Settings, room: str, message: EntryId, *, as_json: bool) -> None:
    from consumers.view import View

    async with opened(settings) as logs:
        found = await View(logs.of(room)).message(room, message)
    print_message(found, as_json=as_json)
