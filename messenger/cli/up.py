"""`messenger up`: everything in one process, with the embedded store."""

import asyncio
import contextlib
import sys

import click

from messenger.cli.options import load_settings, settings_options
from messenger.cli.processes import checked_store, run_process, settled, stop_on_signals
from messenger.cli.traced import exporting
from messenger.embedded import socket_url
from messenger.errors import BadSettings
from messenger.log import Logs
from messenger.rewriter import Rewriter
from messenger.settings import Settings
from messenger.supervisor import Supervisor, supervised


@click.command("up")
@settings_options(
    "host",
    "port",
    "window",
    "store_url",
    "data_dir",
    "durability",
    "replicas",
    "partitions",
    "post_rate",
    "room_rate",
    "new_room_rate",
    "visitor_connections",
    "max_store_mb",
    "trusted_proxies",
)
def command(**given: str | None) -> None:
    """Serve the messenger: pages, API and worker, with an embedded store.

    With --store-url it works on that store instead, and starts none.
    """
    run_process(_up(load_settings(given)))


async def _up(settings: Settings) -> None:
    if settings.replicas and settings.store_url is None:
        raise BadSettings(
            f"MESSENGER_REPLICAS is {settings.replicas}, and the embedded store has no replica; "
            "allowed: 0, or a MESSENGER_STORE_URL"
        )
    stop = stop_on_signals()
    with exporting(settings, "messenger"):
        if settings.store_url is not None:
            await _on_store(settings, settings.store_url, None, stop)
            return
        async with supervised(settings) as supervisor:
            await _on_store(settings, socket_url(settings.data_dir), supervisor, stop)


async def _on_store(
    settings: Settings, url: str, supervisor: Supervisor | None, stop: asyncio.Event
) -> None:
    """The order of the stop, each for the sake of the next: the web, which posts; the worker, which
    applies what was posted; the store, which both need."""
    store_stop = asyncio.Event()
    async with checked_store(url, settings, "up") as store, asyncio.TaskGroup() as group:
        logs = await settled(store, settings)
        if supervisor is not None:
            group.create_task(supervisor.run(store_stop), name="supervisor")
        try:
            await _sweep(logs)
            if supervisor is not None:
                group.create_task(Rewriter(store, logs).run(store_stop), name="rewriter")
            await _serve_and_work(logs, stop)
        finally:
            store_stop.set()


async def _sweep(logs: Logs) -> None:
    """Before anything is served, and before the file is rewritten for the first time: what expired
    while nobody swept is still in the store."""
    from consumers.sweeper import Sweeper

    await Sweeper(logs).step()


async def _serve_and_work(logs: Logs, stop: asyncio.Event) -> None:
    # Late: other commands need neither.
    from consumers.worker import work
    from web.server import serve

    worker_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work(logs, worker_stop), name="worker")
        try:
            await serve(logs, stop, say_address)
        finally:
            worker_stop.set()


def say_address(address: str) -> None:
    """The one line on standard output: a person clicks it, a program waits for it."""
    with contextlib.suppress(BrokenPipeError):
        print(f"Messenger is on {address}", flush=True)
    sys.stdout.flush()
