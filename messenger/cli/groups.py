"""`messenger groups`."""

import click

from messenger.cli.beside import one_line, opened, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_bytes, print_json
from messenger.settings import Settings

_HEADER = (
    "group",
    "partition",
    "lag",
    "behind",
    "pending",
    "oldest",
    "dead",
    "expired",
    "consumers",
)


@click.command("groups")
@json_option
@settings_options(*STORE)
def command(as_json: bool, **given: str | None) -> None:
    """Print the consumer groups: how far each is behind, what it holds, its dead letters.

    \b
    lag        entries that the group was not handed yet
    behind     age of the oldest of those
    pending    entries handed to one of its consumers and not acked
    oldest     age of the oldest of those
    dead       entries that it could not handle, until they expire
    expired    entries whose time was over before they were handled
    consumers  each with what it holds, and how long it was silent
    """
    run(_groups(load_settings(given), as_json=as_json))


async def _groups(settings: Settings, *, as_json: bool) -> None:
    from consumers.groups import ConsumerStats, GroupStats, read_groups

    def row(one: GroupStats) -> tuple[str, ...]:
        return (
            *(one_line(one.group), str(one.partition)),
            *(str(one.lag), _age(one.lag_ms) if one.lag else "-"),
            *(str(one.pending), _age(one.oldest_pending_ms) if one.pending else "-"),
            *(str(one.dead_letters), str(one.expired)),
            ", ".join(map(consumer, one.consumers)) or "-",
        )

    def consumer(one: ConsumerStats) -> str:
        return f"{one_line(one.name)} ({one.pending}, {_age(one.idle_ms)})"

    async with opened(settings) as logs:
        found = await read_groups(logs.all)
    if as_json:
        for each in found:
            print_json(each)
        return
    _print_table([_HEADER, *map(row, found)])


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print_bytes("  ".join(cells).rstrip().encode())


def _age(ms: int) -> str:
    """As people say it: in the largest unit that is not a fraction."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if ms >= 2 * size:
            return f"{ms // size}{unit}"
    return f"{ms // 1_000}s"
