"""`messenger web`: the web process alone, or several of them under one supervisor."""

import asyncio
import signal
import sys
from functools import partial

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

# Each reads the whole log into its own memory.
_MOST_WORKERS = 64


@click.command("web")
@settings_options(
    "host",
    "port",
    "window",
    "store_url",
    "data_dir",
    "replicas",
    "partitions",
    "post_rate",
    "room_rate",
    "new_room_rate",
    "visitor_connections",
    "trusted_proxies",
)
@click.option(
    "--workers",
    type=click.IntRange(1, _MOST_WORKERS),
    metavar="N",
    help=f"Serve by so many processes, 1 to {_MOST_WORKERS}, under one supervisor: it restarts one that "
    "dies, and on SIGHUP one after the other, without a refused post.",
)
# What a supervisor gives a worker: its number, its line, each worker's sockets.
@click.option("--as-worker", hidden=True, type=(int, int, str))
def command(
    workers: int | None, as_worker: tuple[int, int, str] | None, **given: str | None
) -> None:
    """Serve pages and API on a store; `messenger worker` does the rest."""
    settings = load_settings(given)
    if workers is not None:
        sys.exit(run_process(_supervise(settings, workers, given)))
    elif as_worker is not None:
        run_process(_web(settings, as_worker), worker=as_worker[0])
    else:
        run_process(_web(settings))


async def _web(settings: Settings, as_worker: tuple[int, int, str] | None = None) -> None:
    from web.server import serve
    from web.workers.alone import Alone
    from web.workers.member import Member, Place

    stop = stop_on_signals()
    join = Alone if as_worker is None else partial(Member, Place(*as_worker), stop)
    say = say_address if as_worker is None else _say_nothing
    with exporting(settings, "messenger-web"):
        async with checked_store(store_url(settings), settings, "web") as store:
            logs = await settled(store, settings)
            await serve(logs, stop, say, join)


async def _supervise(settings: Settings, count: int, given: dict[str, str | None]) -> int:
    from web.workers.listeners import open_listeners
    from web.workers.supervisor import Supervisor

    stop, again = stop_on_signals(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again.set)
    listeners = open_listeners(settings, count)
    words = [
        word
        for name, text in given.items()
        if text is not None
        for word in ("--" + name.replace("_", "-"), text)
    ]
    command = [sys.executable, "-m", "messenger", "web", *words, "--as-worker"]
    return await Supervisor(command, listeners).run(stop, again, say_address)


def _say_nothing(_: str) -> None:
    """The supervisor says where the messenger is."""
