"""`messenger replay`."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import click
import msgspec
import uvloop

from messenger import moments, pace, values
from messenger import span as spans
from messenger.cli import targets
from messenger.cli.beside import opened
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.processes import stop_on_signals
from messenger.cli.progress import progress
from messenger.cli.targets import Target
from messenger.clock import ms_of
from messenger.errors import BadRequest, MessengerError
from messenger.log import Logs
from messenger.replay import Replay
from messenger.settings import Settings
from messenger.span import Span


class _Asked(msgspec.Struct, frozen=True):
    since: str
    until: str
    room: str | None
    speed: float | None
    to: str
    dry_run: bool
    resume: bool
    force: bool
    as_json: bool

    @property
    def is_to_store(self) -> bool:
        return "://" in self.to

    @property
    def is_to_standard(self) -> bool:
        return self.to == "-" and not self.dry_run


@click.command("replay")
@click.option(
    "--since", default="window", show_default=True, help=f"Where to begin: {moments.FORM}."
)
@click.option(
    "--until", default="now", show_default=True, help=f"Where to end: {moments.END_FORM}."
)
@click.option("--room", help="Only this room.")
@click.option("--speed", default="max", show_default=True, help=f"How fast: {pace.FORM}.")
@click.option(
    "--to",
    default="-",
    show_default=True,
    metavar="-|FILE|URL",
    help="Standard output, a file, or the log of another messenger's store.",
)
@click.option("--dry-run", is_flag=True, help="Only count; write nothing.")
@click.option(
    "--resume", is_flag=True, help="Go on with the FILE.part of a replay that was stopped."
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a FILE that is there, and, without --resume, its FILE.part.",
)
@json_option
@settings_options(*STORE)
def command(
    since: str,
    until: str,
    room: str | None,
    speed: str,
    to: str,
    dry_run: bool,
    resume: bool,
    force: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Write what the log holds as lines of JSON, in its order; at once, or as it came.

    What has expired is left out, also in the middle of a slow replay. Interrupted, it says how to go
    on. --json is for the sum of --dry-run.
    """
    asked = _Asked(
        since,
        until,
        spans.check(since, until, room),
        _speed(speed),
        to,
        dry_run,
        resume,
        force,
        as_json,
    )
    _check(asked)
    # What was made so far lives as long as the process: looking through it for cycles costs a fifth.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    if not uvloop.run(_replay(load_settings(given), asked)):
        raise click.Abort


def _speed(text: str) -> float | None:
    try:
        return pace.parse(text)
    except ValueError as error:
        raise BadRequest(f"speed: {error}", code="bad-query") from None


def _check(asked: _Asked) -> None:
    if (asked.resume or asked.force) and (asked.is_to_store or asked.to == "-"):
        raise click.UsageError("--resume and --force are for --to FILE")
    if asked.is_to_store:
        try:
            values.store_url(asked.to)
        except ValueError:
            raise BadRequest(
                "to: a store is redis://, rediss:// or unix:// and an address, or one of "
                "redis+cluster:// or redis+sentinel://",
                code="bad-query",
            ) from None


async def _replay(settings: Settings, asked: _Asked) -> bool:
    """Whether it came to its end."""
    stop = stop_on_signals()
    async with opened(settings) as logs:
        span = await _span(logs, asked)
        async with _target(settings, asked, logs, span, stop) as target:
            replay = Replay(logs, span, None if asked.dry_run else asked.speed, target.already)
            try:
                await _run(replay, target, stop, is_shown=not asked.is_to_standard)
                if replay.is_whole:
                    target.finish(replay.tally)
            except MessengerError as error:
                error.detail += f"; {target.go_on(replay)}"
                raise
            if not replay.is_whole:
                click.echo(
                    f"messenger: stopped at {replay.position}; {target.go_on(replay)}", err=True
                )
            return replay.is_whole


async def _span(logs: Logs, asked: _Asked) -> Span:
    now_ms = int(ms_of(await logs.store.pipe.call("TIME")))
    last = max(log.facts.last for log in logs.all if log.facts)
    return spans.read(asked.since, asked.until, asked.room, now_ms, last)


@contextlib.asynccontextmanager
async def _target(
    settings: Settings, asked: _Asked, logs: Logs, span: Span, stop: asyncio.Event
) -> AsyncIterator[Target]:
    if asked.dry_run:
        yield targets.nowhere(as_json=asked.as_json)
    elif asked.to == "-":
        with targets.standard(stop) as target:
            yield target
    elif asked.is_to_store:
        async with targets.store(asked.to, settings, logs, stop) as target:
            yield target
    else:
        path = Path(asked.to)
        with targets.file(path, logs, span, resume=asked.resume, force=asked.force) as target:
            yield target


async def _run(replay: Replay, target: Target, stop: asyncio.Event, *, is_shown: bool) -> None:
    """Runs with a bar beside it. On a terminal the lines themselves tell how far it is."""
    is_wanted = is_shown or not sys.stdout.isatty()
    ends = await replay.extent() if is_wanted and sys.stderr.isatty() else None

    def look() -> tuple[float, int]:
        """By the time that lies behind."""
        count = replay.tally.entries
        if replay.is_whole or ends is None:
            return 1.0, count
        first, last = (each.ms for each in ends)
        return max(replay.position.ms - first, 0) / max(last - first, 1), count

    async with progress("replay", look, is_wanted=is_wanted):
        await replay.run(target.sink, stop)
