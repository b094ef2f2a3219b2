"""Where `messenger replay` may go: standard output, a file, another store; or nowhere, to count."""

import asyncio
import contextlib
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

from messenger import lines
from messenger.cli.beside import opened
from messenger.cli.outlet import Outlet
from messenger.cli.output import print_json
from messenger.copying import Copy
from messenger.entries import Entry, EntryId
from messenger.errors import LogReset, OutputFailed
from messenger.log import Logs
from messenger.partfile import PartFile
from messenger.replay import Replay, Sink, Tally
from messenger.settings import Settings
from messenger.span import Span


class Target(msgspec.Struct):
    """`finish` is for a replay that is whole; `go_on` says how one that is not is taken up again."""

    sink: Sink
    finish: Callable[[Tally], None]
    go_on: Callable[[Replay], str]
    already: tuple[EntryId, str] | None = None


@contextlib.contextmanager
def standard(stop: asyncio.Event) -> Iterator[Target]:
    outlet = Outlet(sys.stdout.fileno(), stop)
    try:
        yield Target(outlet, lambda _: None, _options)
    finally:
        outlet.close()


@contextlib.contextmanager
def file(path: Path, logs: Logs, span: Span, *, resume: bool, force: bool) -> Iterator[Target]:
    with PartFile(path, resume=resume, force=force) as part:
        if part.already is not None:
            _check_place(part.part, part.already[0], logs, span)

        def finish(tally: Tally) -> None:
            part.finish()
            print(f"{path}: {_told(tally)}")

        def go_on(_: Replay) -> str:
            to = f"--to {shlex.quote(str(path))} --resume{' --force' if force else ''}"
            return f"{part.part} has it so far; go on with {_range_options(span)} {to}"

        yield Target(part, finish, go_on, part.already)


@contextlib.asynccontextmanager
async def store(
    url: str, settings: Settings, logs: Logs, stop: asyncio.Event
) -> AsyncIterator[Target]:
    async with opened(msgspec.structs.replace(settings, store_url=url)) as other:
        copy = Copy(logs, other, stop)

        def finish(tally: Tally) -> None:
            words = ", ".join(
                f"{count:,} {_WORDS[word]}" for word in _WORDS if (count := copy.outcomes[word])
            )
            print(f"copied: {words or 'nothing'}{_passed_over(tally)}")

        def go_on(_: Replay) -> str:
            return "the same command goes on: what was copied is not copied again"

        yield Target(copy, finish, go_on)


_WORDS = {
    "kept": "with their ids",
    "moved": "with new ids",
    "seen": "were there",
    "expired": "had expired there",
    "erased": "were erased there",
    "gone": "erased there, as they were here",
}


def nowhere(*, as_json: bool) -> Target:
    def finish(tally: Tally) -> None:
        if as_json:
            first, last = (str(each) if each else None for each in (tally.first, tally.last))
            print_json({**msgspec.structs.asdict(tally), "first": first, "last": last})
        else:
            ends = f", from {tally.first} to {tally.last}" if tally.entries else ""
            print(f"{_told(tally)}{ends}")

    return Target(_Counter(), finish, _options)


class _Counter:
    async def write(self, entries: list[Entry]) -> int:
        return len(lines.encode(entries))


def _check_place(part: Path, last: EntryId, logs: Logs, span: Span) -> None:
    """What FILE.part has must lie in the span, and be of this history: else there would be a hole."""
    if not span.after <= last <= span.until:
        raise OutputFailed(f"{part} ends at {last}, which is not between --since and --until")
    if any(log.facts is None or last < log.facts.birth for log in logs.all):
        raise LogReset(f"{part} ends at {last}: the log began anew since")


def _options(replay: Replay) -> str:
    return (
        f"go on with {_range_options(msgspec.structs.replace(replay.span, after=replay.position))}"
    )


def _range_options(span: Span) -> str:
    room = f" --room {shlex.quote(span.room)}" if span.room else ""
    return f"--since {span.after} --until {span.until}{room}"


def _told(tally: Tally) -> str:
    return f"{tally.entries:,} entries, {tally.bytes:,} bytes{_passed_over(tally)}"


def _passed_over(tally: Tally) -> str:
    """What is not among the entries, and why; nothing if nothing is."""
    expired = f"; {tally.expired:,} had expired" if tally.expired else ""
    foreign = f"; {tally.foreign:,} can't be read" if tally.foreign else ""
    return expired + foreign
