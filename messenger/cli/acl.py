"""`messenger acl`."""

import sys
from pathlib import Path
from typing import NamedTuple

import click

from messenger import passwords, rights, wording
from messenger.cli.beside import run
from messenger.cli.options import STORE, load_settings, settings_options
from messenger.cli.processes import store_url
from messenger.connection import Store
from messenger.errors import BadSettings, StoreUnfit
from messenger.right import Rights
from messenger.roles import ROLES, rights_of
from messenger.settings import Settings
from messenger.where import Server

_USUAL = ("web", "worker", "operator")


@click.command("acl")
@click.option(
    "--role",
    "roles",
    type=click.Choice(list(ROLES)),
    multiple=True,
    help=f"Whose user; may be given several times. Without it: {', '.join(_USUAL)}.",
)
@click.option(
    "--group", help="The consumer group of the role downstream; without it, it only reads."
)
@click.option("--apply", "is_applied", is_flag=True, help="Make the users in the store at once.")
@click.option("--setuser", is_flag=True, help="Print commands, and not lines for an aclfile.")
@click.option(
    "--passwords",
    "folder",
    type=click.Path(path_type=Path),
    help="A folder with a password in a file for each user; what is not there is made.",
)
@settings_options(*STORE)
def command(
    roles: tuple[str, ...],
    group: str | None,
    is_applied: bool,
    setuser: bool,
    folder: Path | None,
    **given: str | None,
) -> None:
    """Write the store's users: each with the rights that its role needs, and no others.

    Prints the lines for the store's aclfile, with hashes and never with a password. A user that the
    store has keeps its password; that of a new one is shown once, on a terminal only.
    """
    chosen = roles or (_USUAL if group is None else ("downstream",))
    if group is not None:
        if chosen != ("downstream",):
            raise click.UsageError("--group goes with --role downstream")
        wording.check_group(group)
    how = "apply" if is_applied else "ACL SETUSER" if setuser else "user"
    run(_acl(load_settings(given), chosen, group, folder, how))


async def _acl(
    settings: Settings, roles: tuple[str, ...], group: str | None, folder: Path | None, how: str
) -> None:
    async with Store(store_url(settings)) as store:
        users = [await _user(store, role, group) for role in dict.fromkeys(roles)]
        # Before anything is made: what can't be had ends it here.
        hashes = {user.name: await _hashes(store, user.name, folder) for user in users}
        if how == "apply":
            # Each server has users of its own, and a replica may be the primary tomorrow.
            for server in await store.servers():
                await _apply(store, server, users, hashes)
            for user in users:
                print(f"{user.name} may do the work of {user.role}")
            return
        for user in users:
            _print_line(how, user, hashes[user.name])


class _User(NamedTuple):
    name: str
    role: str
    rights: Rights
    rules: list[str]


async def _user(store: Store, role: str, group: str | None) -> _User:
    needed = rights_of(role, group)
    rules = await rights.rules(store.pipe, needed, rights.database_of(store))
    return _User(rights.user_of(role, group), role, needed, rules)


async def _apply(
    store: Store, server: Server, users: list[_User], hashes: dict[str, list[str]]
) -> None:
    pipe, where = store.on(server), server.address.name
    for user in users:
        await rights.apply(pipe, user.name, hashes[user.name], user.rules)
        lacking = await rights.lacking(pipe, user.name, user.rights, rights.database_of(store))
        if lacking:
            raise StoreUnfit(f"the store at {where} does not let {user.name} {lacking[0]}")
    if not await rights.save(pipe):
        _say(
            f"the store at {where} has no aclfile and forgets these users when it ends; "
            "put the lines of `messenger acl` into its configuration"
        )


async def _hashes(store: Store, user: str, folder: Path | None) -> list[str]:
    """The user's passwords as hashes: those in its file, else those it has, else that of a new one."""
    if folder is not None:
        return [rights.hash_of(passwords.of(folder, user))]
    if known := await rights.hashes_of(store.pipe, user):
        return known
    if not sys.stderr.isatty():
        raise BadSettings(
            f"{user} needs a password, and a new one is shown on a terminal only; "
            "allowed: --passwords FOLDER, to keep it in a file"
        )
    password = passwords.make()
    _say(f"the password of {user}, shown only now: {password}")
    return [rights.hash_of(password)]


def _print_line(how: str, user: _User, hashes: list[str]) -> None:
    """As an aclfile has it, or as a shell of the store takes it: what has spaces in it is quoted."""
    words = [*user.rules, *(f"#{each}" for each in hashes)]
    if how != "user":
        words = [f'"{word}"' if " " in word else word for word in words]
    print(how, user.name, *words)


def _say(text: str) -> None:
    print(f"messenger: {text}", file=sys.stderr)
