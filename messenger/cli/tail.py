"""`messenger tail`."""

import asyncio
import sys

import click

from messenger import lines, messages, moments, wording
from messenger.cli.beside import opened, print_message, run
from messenger.cli.options import STORE, json_option, load_settings, settings_options
from messenger.cli.output import print_bytes
from messenger.cli.processes import stop_on_signals
from messenger.clock import StoreClock, ms_of
from messenger.entries import START, Entry, EntryId
from messenger.errors import BadRequest, Repartitioned
from messenger.events import MessageErased, MessagePosted
from messenger.log import Log
from messenger.loops import persist
from messenger.settings import Settings
from messenger.tail import Tail


@click.command("tail")
@click.argument("room", required=False)
@click.option("--since", default="now", show_default=True, help=f"Where to begin: {moments.FORM}.")
@json_option
@settings_options(*STORE)
def command(room: str | None, since: str, as_json: bool, **given: str | None) -> None:
    """Follow ROOM, or all of them: prints each message as it comes, until interrupted."""
    name = None if room is None else wording.check_room(room)
    run(_tail(load_settings(given), name, since, as_json=as_json))


async def _tail(settings: Settings, room: str | None, since: str, *, as_json: bool) -> None:
    stop = stop_on_signals()
    async with opened(settings) as logs:
        clock = StoreClock()
        clock.look(ms_of(await logs.store.pipe.call("TIME")))
        begin = _begin(since, clock.now())
        chosen = logs.all if room is None else [logs.of(room)]
        followers = [_Follower(log, clock, begin, room, as_json=as_json) for log in chosen]
        try:
            await _follow(followers, stop)
        except* Repartitioned:
            place = min(each.position for each in followers)
            raise Repartitioned(
                "the store got more partitions; go on with "
                f"--since {'window' if place == START else place}"
            ) from None


async def _follow(followers: list["_Follower"], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run(stop)) for each in followers]
        await stop.wait()
        for task in tasks:
            task.cancel()


def _begin(since: str, now_ms: int) -> EntryId:
    try:
        return moments.parse(since, now_ms)
    except ValueError as error:
        raise BadRequest(f"--since: {error}", code="bad-cursor") from None


class _Follower:
    """Prints one log's messages as they come. A store that goes away is waited for."""

    def __init__(
        self, log: Log, clock: StoreClock, begin: EntryId, room: str | None, *, as_json: bool
    ) -> None:
        self._tail = Tail(log.store, log.keys, clock, begin)
        self._clock = clock
        self._room = room
        self._as_json = as_json
        self._epoch = log.facts.epoch if log.facts else ""
        self._partitions = log.partitions
        self.position = begin

    async def run(self, stop: asyncio.Event) -> None:
        await persist(stop, "tail", self._step)

    async def _step(self) -> None:
        read = await self._tail.read()
        if read.epoch and read.epoch != self._epoch:
            print("messenger: the history began anew", file=sys.stderr)
            self._epoch, self._tail.position = read.epoch, START
            return
        if read.epoch and read.partitions != self._partitions:
            raise Repartitioned("the store got more partitions")
        for entry in read.entries:
            _print(entry, self._room, self._clock.now(), as_json=self._as_json)
        self.position = self._tail.position


def _print(entry: Entry, room: str | None, now: int, *, as_json: bool) -> None:
    event = entry.event
    if not isinstance(event, MessagePosted | MessageErased) or room not in (None, event.room):
        return
    if isinstance(event, MessagePosted) and entry.id.ms + event.ttl <= now:
        return
    if as_json:
        print_bytes(lines.encode([entry]).removesuffix(b"\n"))
    elif isinstance(event, MessagePosted):
        print_message(messages.of(entry.id, event), as_json=False)
