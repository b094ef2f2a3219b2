"""`messenger verify`."""

import asyncio
import sys

import click
import msgspec

from messenger.cli.beside import one_line, opened
from messenger.cli.main import EXIT_REFUSED
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_json
from messenger.cli.processes import stop_on_signals
from messenger.cli.progress import progress
from messenger.settings import Settings

# People are shown so many; --json lists all.
_MOST = 1_000


@click.command("verify")
@json_option
@settings_options(*STORE)
def command(as_json: bool, **given: str | None) -> None:
    """Compare the view with the log, while everything goes on.

    Prints each difference; ends with 1 if there is one.
    """
    count = asyncio.run(_verify(load_settings(given), as_json=as_json))
    if count is None:
        raise click.Abort
    if count:
        sys.exit(EXIT_REFUSED)


async def _verify(settings: Settings, *, as_json: bool) -> int | None:
    """How many differences there are; None if it was stopped before that was known."""
    from consumers.verify import Verification

    kept: list[str] = []

    def report(found: msgspec.Struct) -> None:
        if as_json:
            print_json(found)
        elif len(kept) < _MOST:
            kept.append(one_line(str(found)))

    stop = stop_on_signals()
    async with opened(settings) as logs:
        verification = Verification(logs, report)

        def look() -> tuple[float, int]:
            return verification.done, verification.entries

        # What is printed meanwhile would stand in the bar's way.
        async with progress("verify", look, is_wanted=not (as_json and sys.stdout.isatty())):
            is_whole = await verification.run(stop)
    if not is_whole:
        print("messenger: stopped before it was known", file=sys.stderr)
        return None
    _say(kept, verification.entries, verification.differences, as_json=as_json)
    return verification.differences


def _say(kept: list[str], entries: int, count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"entries": entries, "differences": count})
        return
    for line in kept:
        print(line)
    if count > len(kept):
        print(f"and {count - len(kept):,} more; --json lists all")
    if count:
        print(
            f"{entries:,} entries, {count:,} differences: `messenger rebuild` makes the view anew"
        )
    else:
        print(f"{entries:,} entries: the view is the log")
