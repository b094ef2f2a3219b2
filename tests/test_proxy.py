"""The proxy of compose.yaml's cluster: Caddy, with the very file that is mounted there."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.sources import ROOT
from tests.supervised import Supervised, supervised
from tests.waiting import wait_until

_FILE = ROOT / "docs" / "proxy" / "Caddyfile"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def _proxied(behind: Supervised, folder: Path) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """Caddy before a messenger: its address, and whom to trust for it."""
    caddy = shutil.which("caddy")
    assert caddy, "caddy is not there: .ci/run installs it"
    root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    for _ in range(5):
        port = _free_port()
        running = await _run(caddy, behind, folder, port)
        try:
            if await _listens(port, running):
                await wait_until(root.exists, "it has signed a certificate", seconds=20)
                trusted = ssl.create_default_context(cafile=str(root))
                yield f"https://localhost:{port}", trusted
                return
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            await running.wait()
    raise AssertionError("others took each port that was free a moment before")


async def _run(
    caddy: str, behind: Supervised, folder: Path, port: int
) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "MESSENGER_SITE": f"https://localhost:{port}",
        "MESSENGER_HTTP_PORT": str(_free_port()),
        "MESSENGER_WEB_NAME": "localhost",
        "MESSENGER_WEB_PORT": behind.url.rsplit(":", 1)[1],
    }
    return await asyncio.create_subprocess_exec(
        *(caddy, "run", "--config", str(_FILE), "--adapter", "caddyfile"),
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _listens(port: int, running: asyncio.subprocess.Process) -> bool:
    """Whether it came to listen; it ends where somebody else has its port."""

    async def is_decided() -> bool:
        if running.returncode is not None:
            return True
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("localhost", port)
            writer.close()
            return True
        return False

    await wait_until(is_decided, "it listens or ends", seconds=20)
    return running.returncode is None


@pytest.fixture
async def proxied(
    private_store: PrivateStore, tmp_path: Path
) -> AsyncIterator[tuple[Supervised, Messenger, ssl.SSLContext]]:
    """A messenger of two web workers, and the same through the proxy."""
    async with (
        supervised(private_store, 2, MESSENGER_TRUSTED_PROXIES="127.0.0.1") as behind,
        _proxied(behind, tmp_path) as (url, trusted),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as session,
    ):
        through = Messenger(None, url, session, lambda: None)

        async def answers() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/health/live") as response:
                    return response.status == 200
            return False

        await wait_until(answers, "the proxy answers", seconds=20)
        yield behind, through, trusted


Proxied = tuple[Supervised, Messenger, ssl.SSLContext]


async def test_a_stream_is_passed_on_at_once(proxied: Proxied) -> None:
    """What is posted through the proxy comes by a stream through it while both stay open: nothing is
    held back until there is more. A WebSocket goes through as well."""
    _, through, _ = proxied
    async with through.stream() as stream, through.socket() as talk:
        assert (await stream.next()).name == "hello"
        assert (await talk.next()).name == "hello"
        posted = await through.post("by the proxy")
        assert (await stream.until("message")).data["id"] == posted["id"]
        assert (await talk.until("message")).data["id"] == posted["id"]


async def test_a_reader_that_leaves_the_proxy_leaves_us(proxied: Proxied) -> None:
    """A stream whose reader has gone does not live on between the proxy and the web process."""
    behind, through, _ = proxied
    async with through.stream() as stream:
        await stream.next()

        async def is_there() -> bool:
            return await behind.figure("messenger_subscribers") == 1

        await wait_until(is_there, "it is counted")

    async def is_gone() -> bool:
        return await behind.figure("messenger_subscribers") == 0

    await wait_until(is_gone, "it is gone")


async def test_who_comes_by_tls_is_kept_there(proxied: Proxied) -> None:
    """HTTP/2 is offered, and answers say that https is to be kept to (HSTS): the proxy is believed."""
    _, through, trusted = proxied
    trusted.set_alpn_protocols(["h2", "http/1.1"])
    _, port = through.url.rsplit(":", 1)
    _, writer = await asyncio.open_connection("localhost", int(port), ssl=trusted)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()
    trusted.set_alpn_protocols(["http/1.1"])
    async with through.session.get(f"{through.url}/api/rooms") as response:
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_a_rolling_restart_is_not_felt(proxied: Proxied) -> None:
    """While the web workers are restarted one by one, no post through the proxy is refused or lost."""
    behind, through, _ = proxied
    before, ids = behind.workers(), []
    os.kill(behind.running.pid, signal.SIGHUP)

    def is_over() -> bool:
        now = behind.workers()
        return now.keys() == before.keys() and not set(now.values()) & set(before.values())

    while not is_over():
        ids.append((await through.post("on and on"))["id"])
    ids.append((await through.post("after"))["id"])
    page = await through.page(limit=100)
    assert [each["id"] for each in page["messages"]] == ids[-100:]
