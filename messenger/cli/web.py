"""`messenger web`: the web process alone."""

import click

from messenger.cli.options import load_settings, settings_options
from messenger.cli.processes import (
    checked_store,
    run_process,
    settled,
    stop_on_signals,
    store_url,
)
from messenger.cli.traced import exporting
from messenger.cli.up import say_address
from messenger.settings import Settings


@click.command("web")
@settings_options(
    "host",
    "port",
    "window",
    "store_url",
    "data_dir",
    "partitions",
    "post_rate",
    "room_rate",
    "trusted_proxies",
)
def command(**given: str | None) -> None:
    """Serve pages and API on a store; `messenger worker` does the rest."""
    run_process(_web(load_settings(given)))


async def _web(settings: Settings) -> None:
    from web.server import serve

    stop = stop_on_signals()
    with exporting(settings, "messenger-web"):
        async with checked_store(store_url(settings), settings, "web") as store:
            logs = await settled(store, settings)
            await serve(logs, stop, say_address)
