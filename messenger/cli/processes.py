"""Runs the long-lived processes: their loop, their signals, the order of their start and stop."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import uvloop

from messenger import checks, embedded, logs, partitions
from messenger.checks_of_servers import check_servers
from messenger.cli.traced import log_kind
from messenger.connection import Store
from messenger.errors import Repartitioning, StoreUnavailable
from messenger.log import Logs
from messenger.loops import Backoff
from messenger.settings import Settings

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# Longer than a repartition needs for its last step.
_PATIENCE_S = 30.0


def run_process(main: Coroutine[Any, Any, _T], worker: int | None = None) -> _T:
    """Runs a long-lived process to its end; `worker` is its number, if it is one of several."""
    logs.configure(worker=worker)
    # What was made so far lives as long as the process, and so does what is remembered of the log:
    # looking through it for cycles took a fifth of the time at full load.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return uvloop.run(main)


class Stop(asyncio.Event):
    """Set by a signal; `number` is which."""

    number: signal.Signals | None = None


def stop_on_signals() -> Stop:
    """Set by the first SIGINT or SIGTERM; the second one ends the process where it is."""
    stop = Stop()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        stop.number = number
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def store_url(settings: Settings) -> str:
    """The store that was set, or the embedded one that runs from the data folder."""
    if settings.store_url is not None:
        return settings.store_url
    if not embedded.socket_path(settings.data_dir).exists():
        raise StoreUnavailable(
            f"no store runs from {settings.data_dir}; start `messenger up`, or set "
            "MESSENGER_STORE_URL or MESSENGER_DATA_DIR"
        )
    return embedded.socket_url(settings.data_dir)


@contextlib.asynccontextmanager
async def checked_store(url: str, settings: Settings, role: str) -> AsyncIterator[Store]:
    """A store that is fit, whose user has the rights of the role; what that means for the promises is
    logged, a line each."""
    async with Store(url) as store:
        findings = await checks.check(store, settings.replicas)
        in_force = await partitions.in_force(store, settings)
        findings += await check_servers(store, in_force.partitions)
        findings.append(await checks.check_rights(store, role))
        findings.append(await checks.check_partitions(store, settings))
        for finding in findings:
            level = logging.INFO if finding.verdict == "good" else logging.WARNING
            log.log(level, "%s %s: %s", finding.subject, finding.value, finding.meaning)
        checks.refuse_unfit(findings)
        yield store


async def settled(store: Store, settings: Settings) -> Logs:
    """The logs, ready for use, as many as the store has. One that gets more just now is waited for."""
    backoff, patient_until = Backoff(), asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        found = Logs(store, await partitions.in_force(store, settings), log_kind(settings))
        try:
            await found.settle()
        except Repartitioning:
            if asyncio.get_running_loop().time() > patient_until:
                raise
            await asyncio.sleep(backoff.next_s())
        else:
            return found
