"""`messenger consume -- COMMAND`: a process for each event; its exit status says what became of it."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from messenger.connection import Store
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands
from tests.consuming import counted, letters, pending, say
from tests.private_store import PrivateStore
from tests.raw import add_posted, now_ms


def _consume(*words: str) -> tuple[str, ...]:
    return ("consume", "--group", "mailer", *words)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_a_command_that_runs_is_let_finish(
    private_store: PrivateStore,
    log: Log,
    commands: Commands,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    """At Ctrl-C or SIGTERM what was begun is finished and done; the rest is left for others."""
    await say(log, "a", "b")
    go, done = tmp_path / "go", tmp_path / "done"
    script = f"echo begun; while [ ! -e {go} ]; do sleep 0.01; done; echo x >> {done}"
    running = await commands.start(*_consume("--", "sh", "-c", script))
    assert await running.line() == "begun"
    os.kill(running.pid, number)
    await asyncio.sleep(0.2)
    assert running.is_alive
    go.touch()
    assert await running.ended() == code
    assert done.read_text() == "x\n"
    assert running.errors() == ""
    with private_store.client() as client:
        assert counted(client, "mailer", "handled") == 1
    rest = await commands.run(*_consume("--once"))
    assert [json.loads(line)["text"] for line in rest.out.splitlines()] == ["b"]


async def test_a_second_signal_ends_the_command_too(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Asked twice it waits for nothing: the command is ended, and its event comes again, untried."""
    await say(log, "a")
    running = await commands.start(*_consume("--", "sh", "-c", "echo $$; exec sleep 100"))
    pid = int(await running.line())
    os.kill(running.pid, signal.SIGINT)
    await asyncio.sleep(0.3)
    os.kill(running.pid, signal.SIGINT)
    assert await running.ended() == 130
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    again = await commands.run(*_consume("--once"))
    assert json.loads(again.out)["attempt"] == 1


async def test_a_command_gets_each_event_on_its_input(
    store: Store,
    private_store: PrivateStore,
    settings: Callable[..., Settings],
    commands: Commands,
    tmp_path: Path,
) -> None:
    """One process for each event, of all partitions, several at a time; its exit status 0 is the ack."""
    logs = Logs(store, settings(partitions="4"))
    await logs.settle()
    for number in range(12):
        await say(logs, f"text {number}", room=f"room-{number}")
    script = f"cat > {tmp_path}/$$"
    done = await commands.run(*_consume("--once", "--concurrency", "4", "--", "sh", "-c", script))
    assert (done.code, done.out, done.err) == (0, "", "")
    given = [(tmp_path / name).read_text() for name in os.listdir(tmp_path)]
    assert all(each.count("\n") == 1 for each in given)
    texts = [json.loads(each)["text"] for each in given]
    assert sorted(texts) == sorted(f"text {number}" for number in range(12))


async def test_a_command_that_fails_is_tried_again_and_then_given_up(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Its exit status and last words stand in the dead letter; what we say ourselves has no text in it,
    and what comes after is handled."""
    (bad, _) = await say(log, "the secret word", "good")
    script = "read -r line; case $line in *secret*) echo 'no such user' >&2; exit 67;; esac"
    done = await commands.run(*_consume("--once", "--attempts", "2", "--", "sh", "-c", script))
    assert (done.code, done.out) == (0, "")
    assert done.err.count("no such user\n") == 2
    assert f"messenger: 0/{bad}: attempt 1 of 2: exit status 67\n" in done.err
    assert f"messenger: 0/{bad}: attempt 2 of 2: exit status 67\n" in done.err
    assert f"entry 0/{bad} is buried after 2 attempts" in done.err
    assert "secret" not in done.err
    with private_store.client() as client:
        (letter,) = letters(client, "mailer")
        assert letter["error"] == "exit status 67: no such user"
        assert (letter["attempts"], letter["text"]) == ("2", "the secret word")
        assert counted(client, "mailer", "handled") == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [("kill -9 $$", "ended by SIGKILL"), ("exit 300", "exit status 44")],
)
async def test_how_a_command_ended_is_said(
    private_store: PrivateStore, log: Log, commands: Commands, script: str, said: str
) -> None:
    """A signal by its name, a status by its number."""
    await say(log, "a")
    done = await commands.run(*_consume("--once", "--attempts", "1", "--", "sh", "-c", script))
    assert said in done.err
    with private_store.client() as client:
        assert letters(client, "mailer")[0]["error"] == said


async def test_a_command_need_not_read_nor_write(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Large events to a command that ignores its input, and one that leaves something behind that holds
    its standard error open: both are done."""
    with private_store.client() as client:
        add_posted(client, f"{now_ms(client)}-0", "x" * 1_000_000)
    done = await commands.run(*_consume("--limit", "1", "--", "true"))
    assert (done.code, done.err) == (0, "")
    await say(log, "a")
    done = await commands.run(*_consume("--limit", "1", "--", "sh", "-c", "sleep 5 & exit 0"))
    assert (done.code, done.err) == (0, "")
    with private_store.client() as client:
        assert pending(client, "mailer") == 0
