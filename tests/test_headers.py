"""What browsers are told to keep to stands on every answer, whoever made it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.operating import OPERATOR, TOKEN
from tests.serving import Messenger
from tests.test_unread import exchange
from web.answers import EVERYWHERE
from web.policies import DOCUMENT
from web.routes import ROUTES

Run = Callable[..., Any]
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
# What changes only with the program.
_FILES = {
    "/static/{name}", "/sw.js", "/manifest.webmanifest", "/docs", "/openapi.json", "/asyncapi.json",
    "/schemas/{name}",
}  # fmt: skip
HSTS = "Strict-Transport-Security"


async def head_of(
    messenger: Messenger, method: str, path: str, **headers: str
) -> tuple[int, dict[str, str]]:
    """The status and the fields of an answer, and no more of it: it may have no end."""
    host, _, port = messenger.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{lines}\r\n".encode()
    )
    async with asyncio.timeout(10):
        status, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    writer.close()
    found = [field.split(": ", 1) for field in fields]
    assert len(found) == len({name for name, _ in found}), "a field stands twice"
    return int(status.split()[1]), {name: value for name, value in found}


def assert_told(fields: dict[str, str], kept: str = "no-store") -> None:
    """All that stands everywhere, and that nobody keeps it; a document has a policy of its own."""
    is_document = fields.get("Content-Type", "").startswith("text/html")
    for name, value in EVERYWHERE.items():
        if name != "Content-Security-Policy":
            assert fields[name] == value
    assert "Upgrade" in fields or fields["Cache-Control"].startswith(kept)
    policy = fields["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in "".join(policy)
    assert "http" not in "".join(policy)
    if is_document:
        assert {"base-uri 'none'", "object-src 'none'"} <= set(policy)
        assert DOCUMENT.items() <= fields.items()
    assert "Set-Cookie" not in fields
    assert not [name for name in fields if name.startswith("Access-Control-")]


@pytest.fixture
async def messenger(run_messenger: Run) -> Messenger:
    return await run_messenger(admin_token=TOKEN)  # type: ignore[no-any-return]


async def test_every_route_tells_browsers(messenger: Messenger) -> None:
    """Asked as it should be, without a token and by another site's page, by every route."""
    html = {"Accept": "text/html"}
    for method, path, _ in ROUTES:
        named = path.replace("{room}", "lobby").replace("{message}", "1-1").replace("{group}", "g")
        named = named.replace("{partition}", "0")
        named = named.replace("{name}", "page.css" if "static" in path else "message.json")
        for headers in (
            OPERATOR | html,
            {},
            OPERATOR | WEBSOCKET,
            {"Sec-Fetch-Site": "cross-site"},
        ):
            _, fields = await head_of(messenger, method, named, **headers)
            assert_told(fields, "no-cache" if "ETag" in fields and path in _FILES else "no-store")


@pytest.mark.parametrize(
    "raw",
    [
        b"no request\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"PUT /r/lobby HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /r/%00 HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n",
    ],
)
async def test_refusals_tell_browsers_too(messenger: Messenger, raw: bytes) -> None:
    """Those that no handler of ours makes, and those that are a page."""
    status, fields, _ = await exchange(messenger, raw)
    assert 400 <= status < 500
    assert_told(fields)


async def test_a_mistake_of_ours_tells_browsers_too(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an answer that nobody foresaw."""
    monkeypatch.setattr("web.page._facts", None)
    status, fields = await head_of(messenger, "GET", "/")
    assert status == 500
    assert_told(fields)


BY_TLS = {"X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    "path", ["/", "/api/rooms", "/api/rooms/lobby/events", "/static/page.css", "/nothing"]
)
async def test_who_comes_by_tls_is_kept_there(run_messenger: Run, path: str) -> None:
    """A trusted proxy that says https: for a year, on whatever answer; one that says http: not."""
    messenger = await run_messenger(trusted_proxies="127.0.0.1")
    for said in ("https", "HTTPS", "https, http"):
        _, fields = await head_of(messenger, "GET", path, **{"X-Forwarded-Proto": said})
        assert fields[HSTS] == "max-age=31536000"
    for other in ({"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "httpsx"}, {}):
        _, fields = await head_of(messenger, "GET", path, **other)
        assert HSTS not in fields


async def test_a_socket_and_an_operator_s_stream_are_kept_there_too(run_messenger: Run) -> None:
    """What is begun before its handler is done has the field as well."""
    messenger = await run_messenger(trusted_proxies="127.0.0.1", admin_token=TOKEN)
    for path, more in (("/api/rooms/lobby/socket", WEBSOCKET), ("/api/events", OPERATOR)):
        status, fields = await head_of(messenger, "GET", path, **BY_TLS, **more)
        assert (status in (101, 200), HSTS in fields) == (True, True)


@pytest.mark.parametrize("trusted", ["", "192.0.2.1"])
async def test_a_stranger_s_word_of_tls_is_not_believed(run_messenger: Run, trusted: str) -> None:
    """Who is no trusted proxy can't have it said."""
    messenger = await run_messenger(trusted_proxies=trusted)
    _, fields = await head_of(messenger, "GET", "/", **BY_TLS)
    assert HSTS not in fields
