"""`messenger repartition`."""

import asyncio

import click

from messenger import checks
from messenger.cli.beside import opened
from messenger.cli.options import STORE, load_settings, settings_options
from messenger.cli.processes import stop_on_signals, store_url
from messenger.cli.progress import progress
from messenger.connection import Store
from messenger.settings import Settings
from messenger.values import MOST_PARTITIONS

_SHOWN = 3


@click.command("repartition")
@click.option(
    "--to",
    type=click.IntRange(2, MOST_PARTITIONS),
    metavar="N",
    required=True,
    help=f"How many partitions: a multiple of what the store has, up to {MOST_PARTITIONS}.",
)
@settings_options(*STORE)
def command(to: int, **given: str | None) -> None:
    """Spread the rooms over more partitions, while everything goes on.

    Posts wait for a moment at its end, and streams are ended and resume where they were. Interrupted
    before, it leaves all as it was; one that was killed is brought to an end by a worker, or when it is
    run again.
    """
    if not asyncio.run(_repartition(load_settings(given), to)):
        raise click.Abort


async def _repartition(settings: Settings, to: int) -> bool:
    """Whether it came to its end."""
    from consumers.moving import recover
    from consumers.repartition import Repartition

    stop = stop_on_signals()
    async with Store(store_url(settings)) as store:
        checks.refuse_unfit([await checks.check_rights(store, "repartition")])
        if (left := await recover(store, settings)) is not None:
            click.echo(f"messenger: a repartition to {left.new} had not come to its end", err=True)
    async with opened(settings) as logs:
        now = len(logs.all)
        if left is not None and now == to:
            print(f"{to} partitions: what was left to do is done")
            return True
        _check(now, to)
        work = Repartition(logs, logs.settings, to, stop)
        async with progress("repartition", lambda: (work.done, work.entries)):
            is_whole = await work.run()
    if not is_whole:
        click.echo(f"messenger: stopped; the store has its {now} partitions as before", err=True)
        return False
    print(
        f"{to} partitions in place of {now}: {work.entries:,} entries were gone through, and posts "
        f"waited for {work.refused_s:.1f} s"
    )
    return True


def _check(now: int, to: int) -> None:
    """Each new partition has the rooms of one old one, so that no two logs have to become one."""
    if to > now and to % now == 0:
        return
    more = [str(each) for each in range(2 * now, MOST_PARTITIONS + 1, now)]
    dots = ", ..." if len(more) > _SHOWN else ""
    allowed = ", ".join(more[:_SHOWN]) + dots if more else "no more than that"
    why = {
        to == now: "and that is so already",
        to < now: "and can't have fewer, for no two logs can become one",
        to > now: "of which each is split into the same number",
    }[True]
    raise click.BadParameter(
        f"{to}: the store has {now} partitions, {why}; allowed: {allowed}", param_hint="'--to'"
    )
