"""`messenger doctor`."""

import sys

import click

from messenger import checks, partitions
from messenger.checks import Finding
from messenger.checks_of_servers import check_servers
from messenger.cli.beside import run
from messenger.cli.main import EXIT_USAGE
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_json
from messenger.cli.processes import store_url
from messenger.connection import Store
from messenger.roles import ROLES
from messenger.settings import Settings

_MARKS = {"good": ("ok", "green"), "weak": ("weak", "yellow"), "refused": ("no", "red")}


@click.command("doctor")
@json_option
@settings_options(*STORE, "replicas", "partitions")
def command(as_json: bool, **given: str | None) -> None:
    """Check the store, and say which promise each of its settings gives.

    Ends with 2 if the messenger would refuse to start on it.
    """
    found: list[Finding] = []
    run(_check(load_settings(given), found))
    for finding in found:
        if as_json:
            print_json(finding)
        else:
            _print(finding)
    if any(finding.verdict == "refused" for finding in found):
        sys.exit(EXIT_USAGE)


async def _check(settings: Settings, found: list[Finding]) -> None:
    async with Store(store_url(settings)) as store:
        found += await checks.check(store, settings.replicas)
        in_force = await partitions.in_force(store, settings)
        found += await check_servers(store, in_force.partitions)
        found.append(await checks.check_rights(store, *ROLES))
        found.append(await checks.check_partitions(store, settings))


def _print(finding: Finding) -> None:
    word, color = _MARKS[finding.verdict]
    click.echo(f"{click.style(f'{word:4}', fg=color)}  {finding.subject}: {finding.value}")
    click.echo(f"      {finding.meaning}")
