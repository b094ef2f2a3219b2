"""`messenger rebuild`."""

import asyncio

import click

from messenger.cli.beside import opened
from messenger.cli.options import STORE, load_settings, settings_options
from messenger.cli.processes import stop_on_signals
from messenger.cli.progress import progress
from messenger.settings import Settings


@click.command("rebuild")
@settings_options(*STORE)
def command(**given: str | None) -> None:
    """Make the view anew from the log, beside the old one, while everything goes on.

    It takes the old one's place in one step. Interrupted before, it leaves the old one as it was.
    """
    if not asyncio.run(_rebuild(load_settings(given))):
        raise click.Abort


async def _rebuild(settings: Settings) -> bool:
    """Whether it came to its end."""
    from consumers.rebuild import Rebuild

    stop = stop_on_signals()
    async with opened(settings) as logs:
        rebuild = Rebuild(logs, stop)

        def look() -> tuple[float, int]:
            return rebuild.done, rebuild.entries

        async with progress("rebuild", look):
            is_whole = await rebuild.run()
    if not is_whole:
        click.echo("messenger: stopped before the new view was ready; the old one serves", err=True)
        return False
    mended = f"; counts mended: {rebuild.mended:,}" if rebuild.mended else ""
    print(f"{rebuild.entries:,} entries: the view is new{mended}")
    return True
