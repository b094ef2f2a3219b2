"""How commands are typed: their help, and what is refused before any store is asked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from messenger.cli.main import main
from tests.commands import Done

_COMMANDS = (
    *("up", "web", "worker", "post", "get", "list", "tail", "replay", "consume"),
    *("groups", "dead", "verify", "rebuild", "repartition", "doctor", "acl"),
)


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Done]:
    """Runs a command in this process, up to where it would need a store: many take no time so."""
    monkeypatch.setenv("MESSENGER_DATA_DIR", str(tmp_path))

    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["messenger", *words])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int)
        return Done(code, *capsys.readouterr())

    return run


# A command of commands has no settings of its own.
_ALL = [name for name in _COMMANDS if name != "dead"] + [
    f"dead {name}" for name in ("list", "show", "requeue", "drop")
]


@pytest.mark.parametrize("name", _ALL)
def test_each_command_explains_itself(here: Callable[..., Done], name: str) -> None:
    """Each command has a help, without a store, and it names the settings by their variables."""
    done = here(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: messenger {name}")
    assert "(MESSENGER_STORE_URL;" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["post", "a room", "text"], "a room's name"),
        (["post", "", "text"], "a room's name"),
        (["post", "lobby", ""], "empty"),
        (["post", "lobby", "x" * 2_001], "2000 are allowed"),
        (["post", "lobby", "bell\x07"], "U+0007"),
        (["post", "lobby", os.fsdecode(b"\xff")], "U+DCFF"),
        (["post", "lobby", "text", "--author", "two\nlines"], "U+000A"),
        (["post", "lobby", "text", "--ttl", "soon"], "15m"),
        (["get", "lobby", "yesterday"], "an id is"),
        (["list", "a/b"], "a room's name"),
        (["tail", "a/b"], "a room's name"),
        (["acl", "--group", "a b"], "a consumer group's name"),
        (["acl", "--group", "*"], "a consumer group's name"),
        (["acl", "--group", "projector"], "is not projector"),
        (["dead", "show", "--group", "g", "x"], "an entry's id"),
        (["dead", "drop", "--group", "g", "x/1-1"], "an entry's id"),
    ],
)
def test_what_breaks_a_rule_is_said_in_a_line(
    here: Callable[..., Done], words: list[str], said: str
) -> None:
    """What breaks a rule ends with 1, without a store, and one line that says what is allowed."""
    done = here(*words)
    assert (done.code, done.out) == (1, "")
    assert said in done.one_line()


@pytest.mark.parametrize(
    "words",
    [
        *("nonsense", "post", "list --limit 0", "get lobby", "tail --nonsense"),
        *("acl --role king", "acl --role web --group g"),
        *("web --workers 0", "web --workers -1", "web --workers x", "web --workers 65"),
        *(
            "dead nonsense",
            "dead show 1-1",
            "dead drop --group g",
            "dead requeue --group g 1-1 --all",
        ),
    ],
)
def test_wrong_arguments_end_with_two(here: Callable[..., Done], words: str) -> None:
    """A command that was typed wrongly ends with 2 and says how it is used."""
    done = here(*words.split())
    assert (done.code, done.out) == (2, "")
    assert "Usage: messenger" in done.err


@pytest.mark.parametrize("words", ["up", "web", "worker", "post lobby text", "list", "doctor"])
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MESSENGER_WINDOW", "15", "15m"),
        ("MESSENGER_WINDWO", "15m", "did you mean MESSENGER_WINDOW?"),
        ("MESSENGER_ADMIN_TOKEN", "short-secret", "(not shown)"),
    ],
)
def test_wrong_settings_end_the_start(
    monkeypatch: pytest.MonkeyPatch,
    here: Callable[..., Done],
    words: str,
    variable: str,
    value: str,
    said: str,
) -> None:
    """A wrong or unknown variable ends every command with 2 and a line with its name and what is
    allowed; a token is never shown."""
    monkeypatch.setenv(variable, value)
    done = here(*words.split())
    assert (done.code, done.out) == (2, "")
    assert done.one_line().startswith(f"messenger: {variable} is ")
    assert said in done.err
    assert "short-secret" not in done.err
