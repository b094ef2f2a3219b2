"""Who may do what, over HTTP and with a store's certificate, and what is in the repository."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from consumers.dead import DeadLetters
from messenger.address import Address
from messenger.log import Log
from tests.operating import OPERATOR, TOKEN, bury
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.serving import Messenger
from tests.test_headers import WEBSOCKET, head_of
from web.routes import ROUTES

# What everybody may ask for; whatever else there is takes the operator's token.
_OPEN = {
    "/", "/r", "/r/{room}", "/static/{name}", "/sw.js", "/manifest.webmanifest", "/api/rooms",
    "/api/rooms/{room}/messages", "/api/rooms/{room}/messages/{message}",
    "/api/rooms/{room}/events", "/api/rooms/{room}/socket", "/ops", "/health/live",
    "/health/ready", "/metrics", "/docs", "/openapi.json", "/asyncapi.json", "/schemas/{name}",
}  # fmt: skip


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    return await run_messenger(admin_token=TOKEN)  # type: ignore[no-any-return]


def named(path: str) -> str:
    """A path with something in the places of its names."""
    for name, value in (
        ("room", "lobby"),
        ("message", "1-1"),
        ("group", "mailer"),
        ("partition", "0"),
        ("name", "page.css"),
    ):
        path = path.replace(f"{{{name}}}", value)
    return path


async def test_every_operator_s_route_asks_for_the_token(messenger: Messenger) -> None:
    """A route is open to all because it is on the list of those, or refuses who has no token, a wrong
    one, one in another scheme, or the right one anywhere else than in its field."""
    closed = [(method, path) for method, path, _ in ROUTES if path not in _OPEN]
    assert len(closed) >= 11
    assert {path for _, path, _ in ROUTES} >= _OPEN
    for method, path in closed:
        for headers in (
            {},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer"},
            {"Cookie": f"token={TOKEN}"},
            {"X-Token": TOKEN},
        ):
            asked = headers | (WEBSOCKET if path.endswith("socket") else {})
            for query in ("", f"?token={TOKEN}&access_token={TOKEN}"):
                status, fields = await head_of(messenger, method, named(path) + query, **asked)
                assert (status, "WWW-Authenticate" in fields) == (401, True), (path, headers)


async def test_no_safe_method_changes_anything(
    messenger: Messenger, private_store: PrivateStore, log: Log
) -> None:
    """GET, HEAD and OPTIONS, by every path and with all rights, leave log and letters as they are."""
    await messenger.post("hello")
    await bury(private_store, log, "buried")
    with private_store.client() as client:
        before = client.xrange(KEYS.log), [each async for each in DeadLetters(log, "mailer").all()]
        for method in ("GET", "HEAD", "OPTIONS"):
            for _, path, _ in ROUTES:
                await head_of(messenger, method, named(path), **OPERATOR)
        after = client.xrange(KEYS.log), [each async for each in DeadLetters(log, "mailer").all()]
    assert len(before[1]) == 1
    assert before == after


async def test_trace_is_not_taken(messenger: Messenger) -> None:
    """Nothing says again what it was asked, its head with a token in it among that."""
    for path in ("/", "/api/rooms", "/metrics"):
        refused = await messenger.problem("TRACE", path, headers={"X-Secret": "secret"})
        assert refused["status"] == 405
        assert "secret" not in str(refused["detail"])


async def test_of_a_query_given_twice_the_first_counts(messenger: Messenger) -> None:
    """Whoever looks at the first, as many do, sees what is done; a body's members are no query's."""
    for text in ("one", "two", "three"):
        await messenger.post(text)
    path = f"{messenger.url}/api/rooms/lobby/messages?limit=1&limit=3"
    async with messenger.session.get(path) as response:
        assert [each["text"] for each in (await response.json())["messages"]] == ["three"]
    bad = await messenger.problem("GET", "/api/rooms/lobby/messages?limit=0&limit=3")
    assert bad["code"] == "bad-query"
    no_text = await messenger.problem("POST", "/api/rooms/lobby/messages?text=hello", json={})
    assert no_text["code"] == "invalid-field"


@pytest.mark.parametrize("query", ["", "?ssl_ca_certs=", "?ssl_cert_reqs=required", "?db=1"])
def test_a_store_s_certificate_is_checked(query: str) -> None:
    """By `rediss://` the other end shows a certificate for the name that was asked for, signed by who
    is trusted, over TLS 1.2 or newer; `redis://` has none."""
    query = query.replace("ca_certs=", f"ca_certs={ssl.get_default_verify_paths().cafile or ''}")
    context = Address.parse(f"rediss://store.example{query}").tls()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert Address.parse(f"redis://store.example{query.replace('ssl', 'x')}").tls() is None
