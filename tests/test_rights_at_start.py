"""A process looks at its start whether the store's user that it is may do its work."""

import socket
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import pytest

from messenger import checks, rights
from messenger.connection import Store
from messenger.roles import ROLES
from tests.commands import Commands
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.serving import Messenger
from tests.users import PASSWORD, url_as
from tests.waiting import wait_until


@pytest.fixture
async def alone() -> AsyncIterator[Commands]:
    """Commands of a place where nothing runs."""
    async with Commands(MESSENGER_PORT="0") as made:
        yield made


@pytest.mark.parametrize("role", ["web", "worker", "up"])
async def test_a_process_runs_with_its_role_s_user(
    private_store: PrivateStore, alone: Commands, role: str
) -> None:
    """It says which user it is and that this is enough; the password of its URL is nowhere."""
    running = await alone.start(role, MESSENGER_STORE_URL=url_as(private_store.url, role))
    words = f"rights messenger-{role}: may do the work of {role}"
    await wait_until(lambda: words in running.errors(), "it says what it may do")
    with private_store.client() as client:
        await wait_until(lambda: client.exists(KEYS.log), "it works on the store")
    assert await running.end() == 0
    assert PASSWORD not in running.errors()


@pytest.mark.parametrize(
    ("role", "command", "lacks"), [("worker", "web", "XADD :log"), ("web", "worker", "XREADGROUP")]
)
async def test_a_process_with_another_s_user_is_refused(
    private_store: PrivateStore, alone: Commands, role: str, command: str, lacks: str
) -> None:
    """It ends with 2 and a line that names what is lacking and what would help; never the password."""
    done = await alone.run(command, MESSENGER_STORE_URL=url_as(private_store.url, role))
    assert (done.code, done.out) == (2, "")
    last = done.err.splitlines()[-1]
    assert last.startswith(f"messenger: rights is messenger-{role}, which may not ")
    assert f"`messenger acl --role {command}`" in last
    assert PASSWORD not in done.err
    async with Store(private_store.url) as store:
        lacking = await rights.lacking(store.pipe, f"messenger-{role}", ROLES[command])
    assert any(call.startswith(lacks) for call in lacking or [])


@pytest.mark.parametrize("command", ["web", "worker", "doctor", "list"])
@pytest.mark.parametrize("user", ["messenger-web", "nobody"])
async def test_a_wrong_password_is_never_shown(
    private_store: PrivateStore, alone: Commands, command: str, user: str
) -> None:
    """A login that the store refuses: 3, and a line without the password."""
    url = private_store.url.replace("unix://", f"unix://{user}:not-the-password@")
    done = await alone.run(command, MESSENGER_STORE_URL=url)
    assert (done.code, done.out) == (3, "")
    assert "not-the-password" not in done.err
    assert "Traceback" not in done.err


async def test_a_password_may_have_any_character(
    private_store: PrivateStore, alone: Commands
) -> None:
    """Escaped as a URL wants it, it opens the store for every client that we have."""
    password = "p@ss/w:rd?#%&-of-thirty-two-letters"
    with private_store.client() as client:
        client.execute_command("ACL", "SETUSER", "messenger-operator", f">{password}")
    url = private_store.url.replace(
        "unix://", f"unix://messenger-operator:{quote(password, safe='')}@"
    )
    done = await alone.run("doctor", MESSENGER_STORE_URL=url)
    assert done.code == 0, done.err
    assert "rights: messenger-operator\n      may do the work of operator" in done.out


async def test_what_is_withdrawn_is_said_and_what_is_given_back_heals(
    private_store: PrivateStore, messenger: Messenger, web_words: list[str]
) -> None:
    """While a right is lacking posts are refused with 503; with it all goes on, without a restart."""
    await messenger.post("before")
    with private_store.client() as client:
        client.execute_command("ACL", "SETUSER", "messenger-web", "clearselectors")
        problem = await messenger.problem(
            "POST", "/api/rooms/lobby/messages", json={"text": "meanwhile"}
        )
        assert (problem["status"], problem["code"]) == (503, "store-unavailable")
        assert "lacks a right" in problem["detail"]
        client.execute_command("ACL", "SETUSER", "messenger-web", *web_words)
        client.acl_log_reset()
    await wait_until(lambda: _is_ready(messenger), "it is ready again")
    await messenger.post("after")
    assert await messenger.texts() == ["before", "after"]


@pytest.fixture
async def web_words(private_store: PrivateStore) -> list[str]:
    """The rules of the web's user, with its password."""
    async with Store(private_store.url) as store:
        words = await rights.rules(store.pipe, ROLES["web"])
    return [*words, f"#{rights.hash_of(PASSWORD)}"]


async def _is_ready(messenger: Messenger) -> bool:
    async with messenger.session.get(f"{messenger.url}/health/ready") as response:
        return response.status == 200


@pytest.mark.parametrize(
    ("url", "verdict"),
    [("redis://127.0.0.1:{port}", "weak"), ("redis://:word@127.0.0.1:{port}", "good")],
)
async def test_a_store_that_is_open_to_all_is_weak(
    own_store: Callable[..., PrivateStore], url: str, verdict: str
) -> None:
    """Over a port and without a password whoever gets there may do everything."""
    private, port = own_store(), _free_port()
    with private.client() as client:
        client.config_set("port", port)
        if verdict == "good":
            client.config_set("requirepass", "word")
        async with Store(url.format(port=port)) as store:
            finding = await checks.check_rights(store, "web")
    assert (finding.verdict, finding.value.split(",")[0]) == (verdict, "default")
    assert ("messenger acl" in finding.meaning) == (verdict == "weak")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_a_store_that_does_not_say_is_taken(private_store: PrivateStore) -> None:
    """Where asking is not allowed, as with some hosted stores, it is weak and no reason to end."""
    with private_store.client() as client:
        words = ("reset", "on", "nopass", "+@all", "-@admin", "~*")
        client.execute_command("ACL", "SETUSER", "hosted", *words)
        async with Store(private_store.url.replace("unix://", "unix://hosted:x@")) as store:
            finding = await checks.check_rights(store, "web")
            found = {each.subject: each for each in await checks.check(store)}
        client.acl_deluser("hosted")
    assert (finding.verdict, finding.value) == ("weak", "hosted")
    assert found["appendfsync"].value == found["stream-node-max-entries"].value == "unknown"
    assert "is not told to this user" in found["appendfsync"].meaning
    assert found["maxmemory-policy"].verdict == "good"
