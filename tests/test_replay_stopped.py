"""`messenger replay` that is stopped, cut off or not read: it ends at once, and says how it goes on."""

import contextlib
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from messenger.connection import Store
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands, Running
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.replaying import go_on_words, texts
from tests.terminal import on_a_terminal
from tests.waiting import wait_until


@pytest.fixture
async def commands(private_store: PrivateStore, log: Log) -> AsyncIterator[Commands]:
    """Commands on a store that is set up."""
    async with Commands(MESSENGER_STORE_URL=private_store.url) as made:
        yield made


@pytest.fixture
def ids(private_store: PrivateStore, log: Log) -> list[str]:
    """Two and a half thousand messages of the last minute."""
    with private_store.client() as client:
        begin_earlier(client)
        found = list(ids_of_late(client, 2_500))
        fill(client, found)
    return found


async def interrupted(running: Running, part: Path, number: signal.Signals) -> str:
    """Waits until some of it is written, and interrupts; what it says."""
    await wait_until(lambda: part.exists() and part.stat().st_size, "some of it is written")
    assert await running.end(number) == 130
    (said,) = running.errors().splitlines()
    assert said.startswith("messenger: stopped at ")
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_file_is_gone_on_with(
    commands: Commands, ids: list[str], number: signal.Signals
) -> None:
    """Ctrl-C ends it at once, with FILE.part and no FILE; as it says itself it goes on, and what
    comes out is to the byte what it would have been."""
    span = ("--since", "window", "--until", ids[-1])
    target, part = (commands.data_dir / name for name in ("out", "out.part"))
    slow = await commands.start("replay", *span, "--speed", "10x", "--to", str(target))
    said = await interrupted(slow, part, number)
    assert not target.exists()
    had = part.read_bytes()
    assert 0 < len(texts(had)) < len(ids)
    refused = await commands.run("replay", *span, "--to", str(target))
    assert refused.code == 1
    assert "--resume" in refused.one_line()
    done = await commands.run("replay", *go_on_words(said))
    assert (done.code, done.err) == (0, "")
    assert target.read_text() == (await commands.run("replay", *span)).out
    assert target.read_bytes().startswith(had)
    assert not part.exists()


async def test_an_interrupted_output_says_where_it_goes_on(
    commands: Commands, ids: list[str]
) -> None:
    """On standard output, too: what was printed and what its words then print are the whole."""
    slow = await commands.start("replay", "--speed", "10x", "--until", ids[-1])
    lines = [await slow.line()]
    slow._process.send_signal(signal.SIGINT)
    out, _ = await slow._process.communicate()
    lines += out.decode().splitlines()
    assert await slow.ended() == 130
    rest = await commands.run("replay", *go_on_words(slow.errors()))
    assert texts("\n".join(lines)) + texts(rest.out) == ids


async def test_two_replays_do_not_write_one_file(commands: Commands, ids: list[str]) -> None:
    """The second is refused, also with --force, and the first is not harmed."""
    target, part = (commands.data_dir / name for name in ("out", "out.part"))
    slow = await commands.start("replay", "--speed", "15x", "--to", str(target))
    await wait_until(lambda: part.exists() and part.stat().st_size, "some of it is written")
    second = await commands.run("replay", "--to", str(target), "--force")
    assert second.code == 1
    assert "another replay" in second.one_line()
    assert await slow.ended() == 0
    assert texts(target.read_bytes()) == ids


async def test_an_output_that_is_full_is_said(commands: Commands, ids: list[str]) -> None:
    """Standard output on a full disk ends with 1 and where to go on."""
    running = await commands.start_python(
        "-c",
        "import os, sys; os.dup2(os.open('/dev/full', os.O_WRONLY), 1);"
        "from messenger.cli.main import main; sys.argv = ['messenger', 'replay']; main()",
    )
    assert await running.ended() == 1
    assert "No space left" in running.errors()
    assert go_on_words(running.errors())[:2] == ["--since", "0-0"]


async def test_a_reader_that_leaves_is_no_error(commands: Commands, ids: list[str]) -> None:
    """As in `messenger replay | head -1`: it ends quietly."""
    running = await commands.start("replay", "--speed", "50x")
    await running.line()
    running.close_output()
    assert await running.ended() == 0
    assert running.errors() == ""


async def test_a_reader_that_does_not_read_does_not_hold_up_a_stop(
    private_store: PrivateStore, commands: Commands
) -> None:
    """The pipe is full and nobody reads: Ctrl-C ends it all the same."""
    with private_store.client() as client:
        fill(client, ids_of_late(client, 5_000), author="x" * 200)
    running = await commands.start("replay")
    running._process._transport.get_pipe_transport(1).pause_reading()  # type: ignore[attr-defined]
    await wait_until(lambda: _sleeps_in_write(running.pid), "it waits for its reader")
    running._process.send_signal(signal.SIGINT)
    await wait_until(lambda: "stopped" in running.errors(), "it has heard")
    running._process._transport.get_pipe_transport(1).resume_reading()  # type: ignore[attr-defined]
    assert await running.ended() == 130


def _sleeps_in_write(pid: int) -> bool:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            if "pipe_write" in (task / "wchan").read_text():
                return True
    return False


async def test_a_store_that_stays_away_ends_it_with_three(
    own_store: Callable[..., PrivateStore], settings: Callable[..., Settings]
) -> None:
    """It says that it waits, gives up after a time, and says where it goes on."""
    private = own_store(durability="always")
    async with Store(private.url) as store:
        await Logs(store, settings()).settle()
    with private.client() as client:
        begin_earlier(client)
        ids = list(ids_of_late(client, 2_500))
        fill(client, ids)
    async with Commands(MESSENGER_STORE_URL=private.url) as commands:
        code = (
            "from messenger import replay; replay.PATIENCE_S = 0.1;"
            "from messenger.cli.main import main; main()"
        )
        target = commands.data_dir / "out"
        words = ("replay", "--until", ids[-1], "--to", str(target))
        running = await commands.start_python("-c", code, *words, "--speed", "10x")
        part = target.with_name("out.part")
        await wait_until(lambda: part.exists() and part.stat().st_size, "some of it is written")
        private.kill()
        assert await running.ended() == 3
        away, said = running.errors().splitlines()
        assert "the store is away" in away
        assert said.startswith("messenger: the store can't be reached")
        assert not target.exists()
        private.start()
        done = await commands.run("replay", *go_on_words(said))
        assert done.code == 0, done.err
        assert texts(target.read_bytes()) == ids


async def test_a_terminal_is_shown_how_far_it_is(
    private_store: PrivateStore, ids: list[str], tmp_path: Path
) -> None:
    """On a terminal there is a bar with the part that is done, the rate and the time left; and it is
    full at the end."""
    code, shown = await on_a_terminal(
        private_store, "replay", "--speed", "60x", "--to", str(tmp_path / "out")
    )
    assert code == 0, shown
    assert re.search(r"replay .* \d+% .*entries, [\d,]+/s .*\d:\d\d:\d\d", shown), shown
    parts = [int(part) for part in re.findall(r"(\d+)%", shown)]
    assert parts == sorted(parts)
    assert 0 < min(part for part in parts if part) < 100
    assert parts[-1] == 100
    assert texts((tmp_path / "out").read_bytes()) == ids


# VmHWM and not ru_maxrss, which a process inherits from the one that started it.
_MEASURED = """
import atexit, re, sys
def say():
    status = open("/proc/self/status").read()
    print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
atexit.register(say)
from messenger.cli.main import main
main()
"""


async def test_memory_is_flat(private_store: PrivateStore, commands: Commands) -> None:
    """A replay of a hundred thousand entries takes no more memory than one of three thousand."""
    with private_store.client() as client:
        ids = list(ids_of_late(client, 100_000))
        fill(client, ids)
    peaks: list[int] = []
    for since in (ids[-3_000], "window"):
        target = commands.data_dir / f"{len(peaks)}.ndjson"
        running = await commands.start_python(
            "-c", _MEASURED, "replay", "--since", since, "--to", str(target)
        )
        assert await running.ended() == 0, running.errors()
        peaks.append(int(running.errors().split()[-1]))
    assert target.read_bytes().count(b"\n") == len(ids)
    assert peaks[1] < peaks[0] + 4_000, peaks
