"""`messenger consume`."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

import click

from messenger import logs, moments
from messenger.cli.beside import run
from messenger.cli.main import EXIT_INTERRUPTED
from messenger.cli.options import STORE, load_settings, settings_options
from messenger.cli.processes import stop_on_signals, store_url
from messenger.cli.program import Program, ProgramFailed
from messenger.cli.writer import Writer
from messenger.settings import Settings

_STDOUT = 1
_CONCURRENCY, _ATTEMPTS = 1, 5


class _Asked(NamedTuple):
    group: str
    room: str | None
    since: str | None
    concurrency: int
    attempts: int
    limit: int | None
    is_once: bool
    words: Sequence[str]


@click.command("consume", context_settings={"allow_interspersed_args": False})
@click.option("--group", required=True, help="The consumer group.")
@click.option("--room", help="Only this room's events.")
@click.option("--since", help=f"Where a new group begins: {moments.FORM}. [default: window]")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1_000),
    help=f"How many COMMANDs run at a time. [default: {_CONCURRENCY}]",
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 1_000),
    help=f"How often a COMMAND is tried for an event. [default: {_ATTEMPTS}]",
)
@click.option("--limit", type=click.IntRange(1), help="End after so many events.")
@click.option("--once", is_flag=True, help="End when all that is there has been handled.")
@settings_options(*STORE)
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def command(
    group: str,
    room: str | None,
    since: str | None,
    concurrency: int | None,
    attempts: int | None,
    limit: int | None,
    once: bool,
    words: tuple[str, ...],
    **given: str | None,
) -> None:
    """Handle each event of the log once, shared with the others of the group.

    Without a COMMAND each event is printed as a line of JSON. With one, it is run for each event, which
    it gets on its standard input; the event is done when it ends with 0. Else it is tried again later,
    and after the last attempt it is a dead letter: see `messenger dead`.

    \b
    messenger consume --group mailer -- ./send-mail
    messenger consume --group mailer -- sh -c 'jq -r .text | mail -s news me@example.org'
    """
    if not words and (concurrency or attempts):
        raise click.UsageError("--concurrency and --attempts go with a COMMAND")
    how = (concurrency or _CONCURRENCY, attempts or _ATTEMPTS)
    asked = _Asked(group, room, since, *how, limit, once, words)
    logs.configure("WARNING")
    run(_consume(load_settings(given), asked))


async def _consume(settings: Settings, asked: _Asked) -> None:
    from consumers.consumer import Consumer
    from consumers.membership import Retries
    from consumers.reports import words

    stop = stop_on_signals()
    # Before any store is asked: a program that is not there is a wrong argument.
    work = _running(Program(asked.words), asked) if asked.words else _printing(asked.limit, stop)
    async with (
        Consumer(
            store_url(settings),
            asked.group,
            since=asked.since or "window",
            room=asked.room,
            retries=Retries(attempts=asked.attempts),
            report=lambda report: _say(words(report)),
        ) as consumer,
        asyncio.TaskGroup() as tasks,
    ):
        if asked.since is not None and not consumer.is_new:
            _say(f"the group {asked.group} goes on where it was; --since is for a new one")
        endings = [tasks.create_task(_after(stop.wait(), consumer.stop))]
        if asked.is_once:
            endings.append(tasks.create_task(_after(consumer.caught_up(), consumer.stop)))
        await work(consumer)
        for ending in endings:
            ending.cancel()
    if stop.number is signal.SIGINT:
        sys.exit(EXIT_INTERRUPTED)


_Work = Callable[..., Coroutine[Any, Any, None]]


def _printing(limit: int | None, stop: asyncio.Event) -> _Work:
    """Prints a line for each event, which is done when it is written."""
    from consumers.consumer import Consumer
    from consumers.line import encode

    async def work(consumer: Consumer) -> None:
        writer, printed = Writer(_STDOUT, "standard output"), 0
        async for delivery in consumer:
            if not await writer.write(encode(delivery), stop):
                return
            await consumer.ack(delivery)
            printed += 1
            if printed == limit:
                return

    return work


def _running(program: Program, asked: _Asked) -> _Work:
    """Runs the program for each event. What was done and what was given up counts for the limit."""
    from consumers.consumer import Consumer
    from consumers.delivery import Delivery
    from consumers.line import encode

    async def work(consumer: Consumer) -> None:
        ended = 0

        async def handle(delivery: Delivery) -> None:
            nonlocal ended
            is_last = True
            try:
                await program.run(encode(delivery), delivery.traceparent)
            except ProgramFailed as error:
                is_last = delivery.attempt >= asked.attempts
                _say(f"{delivery.key}: attempt {delivery.attempt} of {asked.attempts}: {error.how}")
                await consumer.retry(delivery, str(error))
            ended += is_last
            if ended == asked.limit:
                consumer.stop()

        await consumer.run(handle, concurrency=asked.concurrency)

    return work


async def _after(awaited: Awaitable[object], act: Callable[[], None]) -> None:
    await awaited
    act()


def _say(text: str) -> None:
    print(f"messenger: {text}", file=sys.stderr)
