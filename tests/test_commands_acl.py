"""`messenger acl`: the store's users, written and made; a password is told once or not at all."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import redis

from messenger.rights import hash_of
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import KEYS

_OTHER = "a-password-of-thirty-two-letters"


@pytest.fixture
def new_store(own_store: Callable[..., PrivateStore]) -> PrivateStore:
    """A store with no user but its owner."""
    private = own_store()
    with private.client() as client:
        for name in client.acl_users():
            if name != "default":
                client.acl_deluser(name)
        client.acl_save()
    return private


@pytest.fixture
async def commands(new_store: PrivateStore) -> AsyncIterator[Commands]:
    async with Commands(MESSENGER_STORE_URL=new_store.url) as made:
        yield made


def _login(private: PrivateStore, user: str, password: str) -> redis.Redis:
    path = private.socket
    return redis.Redis(unix_socket_path=str(path), username=user, password=password)


async def test_lines_for_an_aclfile(
    new_store: PrivateStore, commands: Commands, tmp_path: Path
) -> None:
    """The lines hold hashes and no password; a store that starts with them has the users."""
    folder = tmp_path / "passwords"
    done = await commands.run("acl", "--passwords", str(folder))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    names = ["messenger-web", "messenger-worker", "messenger-operator"]
    assert [line.split()[:4] for line in lines] == [["user", name, "reset", "on"] for name in names]
    for name in names:
        password = (folder / name).read_text().strip()
        assert len(password) >= 43
        assert password not in done.out
        assert hash_of(password) in done.out
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    new_store.kill()
    with (new_store.data_dir / "users.acl").open("a") as file:
        file.write(done.out)
    new_store.start()
    password = (folder / "messenger-worker").read_text().strip()
    with _login(new_store, "messenger-worker", password) as client:
        assert client.xrange(KEYS.log) == []
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.xadd(KEYS.log, {"a": "b"})


async def test_commands_for_a_shell(
    new_store: PrivateStore, commands: Commands, tmp_path: Path
) -> None:
    """With --setuser the lines are commands that redis-cli takes as they are."""
    folder = tmp_path / "passwords"
    done = await commands.run("acl", "--setuser", "--role", "web", "--passwords", str(folder))
    assert done.out.startswith("ACL SETUSER messenger-web reset on ")
    with new_store.client() as client:
        words = re.findall(r'"[^"]*"|\S+', done.out.strip())
        assert client.execute_command(*(word.strip('"') for word in words))
    with _login(new_store, "messenger-web", (folder / "messenger-web").read_text().strip()) as web:
        assert web.xrange(KEYS.log) == []


async def test_users_are_made_at_once(
    new_store: PrivateStore, commands: Commands, tmp_path: Path
) -> None:
    """--apply makes the users, and they survive the store's restart. A password that is there is
    taken; a user that is there keeps its password, and loses what it had beyond its rights."""
    (tmp_path / "messenger-web").write_text(_OTHER)
    (tmp_path / "messenger-web").chmod(0o600)
    chosen = ("acl", "--apply", "--role", "web")
    done = await commands.run(*chosen, "--passwords", str(tmp_path))
    assert (done.code, done.out) == (0, "messenger-web may do the work of web\n")
    with new_store.client() as client:
        client.acl_setuser("messenger-web", enabled=True, categories=["+@all"], keys=["*"])
    assert (await commands.run(*chosen)).code == 0
    new_store.kill()
    new_store.start()
    with _login(new_store, "messenger-web", _OTHER) as client:
        assert client.xrange(KEYS.log) == []
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.flushall()


async def test_a_downstream_program_s_user(
    new_store: PrivateStore, commands: Commands, tmp_path: Path
) -> None:
    """With its group it has its own dead letters, and no other's."""
    words = ("acl", "--apply", "--group", "billing", "--passwords", str(tmp_path))
    assert (await commands.run(*words)).code == 0
    password = (tmp_path / "messenger-downstream-billing").read_text().strip()
    with _login(new_store, "messenger-downstream-billing", password) as client:
        assert client.xlen(KEYS.dead("billing")) == 0
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.xlen(KEYS.dead("others"))


async def test_a_store_without_an_aclfile_forgets(commands: Commands, tmp_path: Path) -> None:
    """Beside a messenger's embedded store the users are made, and it is said that they will not
    last."""
    up = await commands.start("up", "--port", "0", "--store-url", "")
    await up.line()
    words = ("acl", "--apply", "--store-url", "", "--passwords", str(tmp_path))
    done = await commands.run(*words)
    assert done.code == 0
    assert "forgets these users" in done.one_line()


async def test_a_new_password_is_not_shown_to_a_log(commands: Commands) -> None:
    """Where nobody looks at a terminal no password is made: it would be lost, or kept in a log."""
    done = await commands.run("acl", "--role", "web")
    assert (done.code, done.out) == (2, "")
    assert "--passwords FOLDER" in done.one_line()


def test_a_new_password_is_shown_once(new_store: PrivateStore) -> None:
    """On a terminal it is, and opens the store; the next time it is kept and not shown."""
    first, shown = _on_a_terminal(new_store, "acl", "--apply", "--role", "web")
    found = re.search(r"the password of messenger-web, shown only now: (\S{43})\r?\n", shown)
    assert found
    assert found[1] not in first
    with _login(new_store, "messenger-web", found[1]) as client:
        assert client.xrange(KEYS.log) == []
    lines, shown = _on_a_terminal(new_store, "acl", "--role", "web")
    assert hash_of(found[1]) in lines
    assert shown == ""


def _on_a_terminal(private: PrivateStore, *words: str) -> tuple[str, str]:
    """What a command prints, and what it shows on the terminal that its standard error is."""
    ours, theirs = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "messenger", *words, "--store-url", private.url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=30,
        check=True,
    )
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 10_000).decode()
    except BlockingIOError:
        shown = ""
    os.close(theirs)
    os.close(ours)
    return done.stdout.decode(), shown


@pytest.mark.parametrize(
    ("content", "mode"), [("short", 0o600), (_OTHER, 0o644), (_OTHER + " x", 0o600), ("", 0o600)]
)
async def test_a_bad_password_file_is_refused(
    new_store: PrivateStore, commands: Commands, tmp_path: Path, content: str, mode: int
) -> None:
    """A password that is short, or that others can read: 2, what is allowed, and no user."""
    (tmp_path / "messenger-web").write_text(content)
    (tmp_path / "messenger-web").chmod(mode)
    words = ("acl", "--apply", "--role", "web", "--passwords", str(tmp_path))
    done = await commands.run(*words)
    assert (done.code, done.out) == (2, "")
    assert "allowed: a file that others can't read" in done.one_line()
    assert _OTHER not in done.err
    with new_store.client() as client:
        assert client.acl_users() == ["default"]


async def test_only_an_administrator_makes_users(
    new_store: PrivateStore, commands: Commands, tmp_path: Path
) -> None:
    """A role's own user can't make users: said in a line, and nothing is made."""
    words = ("acl", "--apply", "--passwords", str(tmp_path))
    assert (await commands.run(*words)).code == 0
    password = (tmp_path / "messenger-operator").read_text().strip()
    url = new_store.url.replace("unix://", f"unix://messenger-operator:{password}@")
    done = await commands.run("acl", "--group", "g", *words[1:], "--store-url", url)
    assert done.code == 3
    assert "lacks a right" in done.one_line()
    assert password not in done.err
    with new_store.client() as client:
        assert "messenger-downstream-g" not in client.acl_users()
