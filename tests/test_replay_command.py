"""`messenger replay`: to standard output and to files, whole or gone on with, never half as if whole."""

import asyncio
import gc
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from messenger.cli.main import main
from messenger.connection import Store
from messenger.log import Logs
from messenger.settings import Settings
from tests.commands import Done
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import now_ms
from tests.replaying import go_on_words, texts

Here = Callable[..., Done]


@pytest.fixture(autouse=True)
def _settled(private_store: PrivateStore, settings: Callable[..., Settings]) -> None:
    async def settle() -> None:
        async with Store(private_store.url) as store:
            await Logs(store, settings()).settle()

    asyncio.run(settle())


@pytest.fixture
def ids(private_store: PrivateStore) -> list[str]:
    """Two and a half thousand messages of the last minute."""
    with private_store.client() as client:
        begin_earlier(client)
        found = list(ids_of_late(client, 2_500))
        fill(client, found)
    return found


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], private_store: PrivateStore
) -> Iterator[Here]:
    """Runs the command in this process: a process for each would take most of the time."""
    monkeypatch.setenv("MESSENGER_STORE_URL", private_store.url)

    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["messenger", "replay", *words])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        return Done(code, *capfd.readouterr())

    threshold = gc.get_threshold()
    yield run
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_lines_and_nothing_else_are_printed(here: Here, ids: list[str]) -> None:
    """Without options it is all that lives, a line each; with a span what is after its begin."""
    whole = here()
    assert (whole.code, whole.err) == (0, "")
    assert texts(whole.out) == ids
    part = here("--since", ids[10], "--until", ids[20], "--room", "lobby")
    assert texts(part.out) == ids[11:21]
    none = here("--room", "nowhere", "--since", "1h")
    assert (none.code, none.out, none.err) == (0, "", "")


def test_spans_of_time_that_meet_have_nothing_in_common(
    private_store: PrivateStore, here: Here
) -> None:
    """A time begins a span and is not in the one that it ends."""
    with private_store.client() as client:
        begin = now_ms(client) // 1_000 - 30
        made = [f"{begin * 1_000 + step}-0" for step in (-1, 0, 999, 1_000)]
        fill(client, made)
    first = here("--since", f"{begin}", "--until", f"{begin + 1}")
    second = here("--since", f"{begin + 1}", "--until", "0s")
    assert texts(first.out) == made[1:3]
    assert texts(second.out) == made[3:]


def test_a_dry_run_counts_and_writes_nothing(
    private_store: PrivateStore, here: Here, tmp_path: Path, ids: list[str]
) -> None:
    """It tells how much there is, from where to where, and what has expired; no file appears."""
    with private_store.client() as client:
        fill(client, [f"{now_ms(client) - 5}-0"], ttl="1")
    target = tmp_path / "out.ndjson"
    done = here("--to", str(target), "--dry-run", "--json", "--speed", "1x")
    whole = here()
    assert json.loads(done.out) == {
        "entries": 2_500,
        "bytes": len(whole.out.encode()),
        "expired": 1,
        "foreign": 0,
        "first": ids[0],
        "last": ids[-1],
    }
    people = here("--dry-run")
    assert people.out.startswith("2,500 entries, ")
    assert people.out.endswith(f"; 1 had expired, from {ids[0]} to {ids[-1]}\n")
    assert not list(tmp_path.glob("out*"))


def test_a_file_appears_when_it_is_whole(here: Here, tmp_path: Path, ids: list[str]) -> None:
    """FILE has what standard output would have; it is not overwritten unless that is asked for."""
    target = tmp_path / "out.ndjson"
    done = here("--to", str(target))
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{target}: 2,500 entries, {target.stat().st_size:,} bytes\n"
    assert target.read_text() == (here()).out
    again = here("--to", str(target), "--until", ids[3])
    assert (again.code, again.out) == (1, "")
    assert "--force" in again.one_line()
    assert texts(target.read_bytes()) == ids
    forced = here("--to", str(target), "--until", ids[3], "--force")
    assert forced.code == 0
    assert texts(target.read_bytes()) == ids[:4]
    assert [each.name for each in tmp_path.iterdir()] == ["out.ndjson"]


def test_a_file_is_replaced_when_the_new_one_is_whole(
    here: Here, tmp_path: Path, ids: list[str]
) -> None:
    """With --force the old file stays until then, also where the new one was gone on with."""
    target, part = (tmp_path / name for name in ("out", "out.part"))
    target.write_text("old")
    whole = here().out
    part.write_text(whole[:1_000])
    refused = here("--to", str(target), "--resume")
    assert refused.code == 1
    assert "--force" in refused.one_line()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, hard))
    try:
        full = here("--to", str(target), "--resume", "--force")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.code == 1
    assert target.read_text() == "old"
    assert here(*go_on_words(full.err)).code == 0
    assert target.read_text() == whole


def test_a_killed_file_is_gone_on_with(here: Here, tmp_path: Path, ids: list[str]) -> None:
    """Half a line that a kill left is cut off, and nothing is missing or doubled."""
    target, part = (tmp_path / name for name in ("out", "out.part"))
    whole = (here()).out
    for cut in (10, len(whole.splitlines()[0]) + 1, 400_000, len(whole) - 1, len(whole)):
        part.write_text(whole[:cut])
        done = here("--to", str(target), "--resume")
        assert done.code == 0, done.err
        assert target.read_text() == whole
        target.unlink()


def test_a_part_that_does_not_fit_is_refused(here: Here, tmp_path: Path, ids: list[str]) -> None:
    """What would leave a hole, or is another's file, is not gone on with, and stays as it is."""
    target, part = (tmp_path / name for name in ("out", "out.part"))
    line = (here("--until", ids[0])).out
    for content, words in (
        ("notes of mine\n", []),
        ("notes of mine", []),
        (line, ["--since", ids[5]]),
        (line.replace(ids[0], "17-0"), []),
    ):
        part.write_text(content)
        done = here("--to", str(target), "--resume", *words)
        assert (done.code, done.out) == (1, "")
        assert str(part) in done.one_line()
        assert part.read_text() == content
        assert not target.exists()


def test_a_full_disk_is_said_and_gone_on_from(
    here: Here, tmp_path: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle: whole lines stay in FILE.part, and when there is room it goes
    on."""
    target, part = (tmp_path / name for name in ("out", "out.part"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, hard))
    try:
        done = here("--to", str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.code, done.out) == (1, "")
    said = done.one_line()
    assert "File too large" in said
    had = texts(part.read_bytes())
    assert had == ids[: len(had)]
    assert not target.exists()
    done = here(*go_on_words(said))
    assert done.code == 0, done.err
    assert texts(target.read_bytes()) == ids


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--since yesterday", "since: a moment is window, now, an id"),
        ("--until window", "until: an end is now, an id"),
        ("--until 5m --since 5m", "nothing lies between"),
        ("--since now", "nothing lies between"),
        ("--room a/b", "a room's name"),
        ("--speed fast", "speed: a speed is max, or a multiple"),
        ("--speed 0x", "speed: a speed is max, or a multiple"),
        ("--to http://127.0.0.1/", "to: a store is redis://"),
        ("--to redis://", "to: a store is redis://"),
    ],
)
def test_what_can_not_be_is_said_in_a_line(here: Here, words: str, said: str) -> None:
    """A value that is not allowed ends with 1, and one line that says what is."""
    done = here(*words.split())
    assert (done.code, done.out) == (1, "")
    assert said in done.one_line()


@pytest.mark.parametrize(
    "words",
    [
        "--nonsense",
        "lobby",
        "--resume",
        "--force",
        "--to redis://h --resume",
    ],
)
def test_what_is_typed_wrongly_ends_with_two(here: Here, words: str) -> None:
    """Options that are none, or do not go together, end with 2 and how the command is used."""
    done = here(*words.split())
    assert (done.code, done.out) == (2, "")
    assert "Usage: " in done.err


def test_a_file_that_can_not_be_is_said(here: Here, tmp_path: Path) -> None:
    """A folder that is not there, or is the file, ends with 1 and one line, and leaves nothing."""
    (tmp_path / "folder").mkdir()
    for target, said in (
        ("none/out", "No such file"),
        ("folder", "is not a file"),
        (".", "is not a file"),
        ("x" * 300, "name too long"),
        ("/dev/full", "is not a file"),
    ):
        done = here("--to", str(tmp_path / target))
        assert (done.code, done.out) == (1, "")
        assert said in done.one_line()
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]
