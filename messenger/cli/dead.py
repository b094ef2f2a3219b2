"""`messenger dead`: what groups could not handle."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from messenger.cli.beside import one_line, opened, run, set_in
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_bytes, print_json
from messenger.entries import EntryId
from messenger.errors import BadRequest, Gone, NotFound
from messenger.letters import Letter, Verb
from messenger.log import Log, Logs
from messenger.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DONE = {"requeue": "handed to the group again", "drop": "dropped"}


@click.group("dead")
def command() -> None:
    """Look after dead letters: events that a consumer group could not handle.

    A dead letter goes by itself when its message's time is over. ID is its entry's id; where two
    partitions have the same, write PARTITION/ID.
    """


def _group_option(command: _Command) -> _Command:
    return click.option("--group", required=True, help="The consumer group.")(command)


def _chosen_options(command: _Command) -> _Command:
    command = click.option("--all", "is_all", is_flag=True, help="All of the group's.")(command)
    return click.argument("letter", metavar="ID", required=False)(command)


@command.command("list")
@click.option("--group", help="Only of this group.")
@json_option
@settings_options(*STORE)
def list_letters(group: str | None, as_json: bool, **given: str | None) -> None:
    """Print the dead letters, in the order in which they were given up."""
    run(_list(load_settings(given), group, as_json=as_json))


@command.command("show")
@click.argument("letter", metavar="ID")
@_group_option
@json_option
@settings_options(*STORE)
def show(letter: str, group: str, as_json: bool, **given: str | None) -> None:
    """Print a dead letter with all that it holds."""
    run(_show(load_settings(given), group, _parse(letter), as_json=as_json))


@command.command("requeue")
@_chosen_options
@_group_option
@json_option
@settings_options(*STORE)
def requeue(
    letter: str | None, is_all: bool, group: str, as_json: bool, **given: str | None
) -> None:
    """Hand the event to the group again, as if it had never been tried.

    The next of the group's consumers gets it. Nothing is posted again.
    """
    chosen = _choose(letter, is_all=is_all)
    run(_dig(load_settings(given), "requeue", group, chosen, as_json=as_json))


@command.command("drop")
@_chosen_options
@_group_option
@json_option
@settings_options(*STORE)
def drop(letter: str | None, is_all: bool, group: str, as_json: bool, **given: str | None) -> None:
    """Forget the dead letter before its time. The message itself lives on."""
    chosen = _choose(letter, is_all=is_all)
    run(_dig(load_settings(given), "drop", group, chosen, as_json=as_json))


# A partition, if one is named, and an entry id.
_Id = tuple[int | None, EntryId]


def _parse(text: str) -> _Id:
    partition, slash, entry = text.rpartition("/")
    try:
        if slash and not (partition.isascii() and partition.isdigit() and len(partition) < 5):
            raise ValueError
        return int(partition) if slash else None, EntryId.parse(entry)
    except ValueError:
        raise BadRequest(
            "ID is an entry's id, such as 1764000000000-0, or PARTITION/ID", code="bad-id"
        ) from None


def _choose(letter: str | None, *, is_all: bool) -> _Id | None:
    """None for all."""
    if (letter is None) != is_all:
        raise click.UsageError("either an ID or --all")
    return None if letter is None else _parse(letter)


async def _list(settings: Settings, group: str | None, *, as_json: bool) -> None:
    from consumers.dead import DeadLetters, known_groups

    async with opened(settings) as logs:
        known = await known_groups(logs)
        chosen = known if group is None else [_check(group, known)]
        found = [
            letter
            for name in chosen
            for log in logs.all
            async for letter in DeadLetters(log, name).all()
        ]
    for each in sorted(found, key=lambda one: one.buried_at):
        if as_json:
            print_json(each)
        else:
            print_bytes(_line(each, len(logs.all)).encode())


async def _show(settings: Settings, group: str, wanted: _Id, *, as_json: bool) -> None:
    from consumers.dead import known_groups

    async with opened(settings) as logs:
        _check(group, await known_groups(logs))
        _, found = await _find(logs, group, wanted)
    if as_json:
        print_json(found)
        return
    facts = {
        "entry": f"{found.partition}/{found.entry}",
        "group": found.group,
        "attempts": str(found.attempts),
        "buried": _time(found.buried_at),
        "expires": _time(found.expires_at),
        "error": found.error,
        **{f"  {name}": value for name, value in found.fields.items()},
    }
    for name, value in facts.items():
        print_bytes(f"{one_line(name)}: {set_in(value)}".encode())


async def _dig(
    settings: Settings, verb: Verb, group: str, wanted: _Id | None, *, as_json: bool
) -> None:
    from consumers.dead import dig_out, known_groups

    async with opened(settings) as logs:
        _check(group, await known_groups(logs))
        chosen: list[tuple[Log, list[EntryId] | None]] = [(log, None) for log in logs.all]
        if wanted is not None:
            log, found = await _find(logs, group, wanted)
            chosen = [(log, [EntryId.parse(found.entry)])]
        done, gone = await dig_out(verb, group, chosen)
    if as_json:
        print_json({verb: done})
    elif done or not gone:
        print(f"{done} {_DONE[verb]}")
    if gone:
        raise Gone(
            f"{len(gone)} can't be handed out again: their entries are no more in the log",
            code="entry-gone",
        )


async def _find(logs: Logs, group: str, wanted: _Id) -> tuple[Log, Letter]:
    from consumers.dead import DeadLetters

    partition, entry = wanted
    found = [
        (log, letter)
        for log in logs.all
        if partition in (None, log.keys.partition)
        and (letter := await DeadLetters(log, group).find(entry)) is not None
    ]
    if not found:
        raise NotFound(
            f"the group {group} has no dead letter {entry} (any more)", code="letter-not-found"
        )
    if len(found) > 1:
        names = " or ".join(f"{log.keys.partition}/{entry}" for log, _ in found)
        raise BadRequest(f"several partitions have this id; write {names}", code="bad-id")
    return found[0]


def _check(group: str, known: Sequence[str]) -> str:
    if group not in known:
        there = ", ".join(map(one_line, known))
        raise NotFound(f"there is no group {group!r}; there are: {there}", code="group-not-found")
    return group


def _line(letter: Letter, partitions: int) -> str:
    """One line, without the text: whose it is and what went wrong."""
    entry = letter.entry if partitions == 1 else f"{letter.partition}/{letter.entry}"
    error = one_line(letter.error.partition("\n")[0])
    room = one_line(letter.fields.get("room", "-"))
    return f"{entry} {letter.group} {room} ({letter.attempts} attempts) {error}"


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000).astimezone():%Y-%m-%d %H:%M:%S}"
