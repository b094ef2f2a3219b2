"""`messenger worker`: projector, redelivery and sweeper alone."""

import logging

import click

from messenger.adopt import adopt
from messenger.cli.options import load_settings, settings_options
from messenger.cli.processes import (
    checked_store,
    run_process,
    settled,
    stop_on_signals,
    store_url,
)
from messenger.cli.traced import exporting
from messenger.connection import Store
from messenger.settings import Settings

log = logging.getLogger(__name__)


@click.command("worker")
@settings_options("window", "store_url", "data_dir", "partitions")
def command(**given: str | None) -> None:
    """Project the log into the view and sweep what has expired; any number may run.

    On a store that is in use, its window and its partitions are taken over from it.
    """
    run_process(_worker(load_settings(given)))


async def _worker(settings: Settings) -> None:
    from consumers.worker import work

    stop = stop_on_signals()
    url = store_url(settings)
    async with Store(url) as store:
        settings = await adopt(store, settings) or settings
    with exporting(settings, "messenger-worker"):
        async with checked_store(url, settings, "worker") as store:
            logs = await settled(store, settings)
            log.info("working on %d partitions", len(logs.all))
            await work(logs, stop)
