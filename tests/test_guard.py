"""Writes that another site's page sends with its reader's browser are refused."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.serving import Messenger

PATH = "/api/rooms/lobby/messages"


def headers(messenger: Messenger, site: str | None, origin: str | None) -> dict[str, str]:
    """As a browser would send them; `{host}` is the messenger's own."""
    host = urlsplit(messenger.url).netloc
    found = {} if site is None else {"Sec-Fetch-Site": site}
    return found if origin is None else {**found, "Origin": origin.format(host=host)}


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        (None, None),
        ("same-origin", None),
        ("none", None),
        ("same-origin", "http://{host}"),
        # What the browser says of itself counts more than a name: a proxy may have changed the host.
        ("same-origin", "https://public.example"),
        (None, "http://{host}"),
        (None, "https://{host}"),
    ],
)
async def test_our_own_pages_and_programs_may_write(
    messenger: Messenger, site: str | None, origin: str | None
) -> None:
    """A page of this host, an address typed by hand and a program that says nothing are let in."""
    async with messenger.session.post(
        messenger.url + PATH, json={"text": "hi"}, headers=headers(messenger, site, origin)
    ) as response:
        assert response.status == 201, await response.text()


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("cross-site", None),
        ("same-site", None),
        ("cross-site", "http://{host}"),
        ("", None),
        ("Same-Origin", None),
        ("same-origin, cross-site", None),
        ("x" * 500, None),
        (None, "http://evil.example"),
        (None, "http://{host}.evil.example"),
        (None, "http://evil.example/{host}"),
        (None, "http://{host}@evil.example"),
        (None, "http://localhost:1"),
        (None, "null"),
        (None, ""),
        (None, "{host}"),
        (None, "http://["),
        (None, "\u00e9\u202e"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
async def test_another_site_may_not_write(
    messenger: Messenger, method: str, site: str | None, origin: str | None
) -> None:
    """A write from any other site, or from a place that tells nothing of itself, is refused, by the
    API and before a handler looks at it."""
    path = PATH if method == "POST" else f"{PATH}/1-0"
    refused = await messenger.problem(
        method, path, json={"text": "hi"}, headers=headers(messenger, site, origin)
    )
    assert (refused["status"], refused["code"]) == (403, "cross-origin")
    assert len(refused["detail"]) < 100
    assert await messenger.texts() == []


async def test_the_form_is_guarded_too(messenger: Messenger) -> None:
    """Another site's form does not post to the page."""
    refused = await messenger.problem(
        "POST", "/r/lobby", data={"text": "hi"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert refused["code"] == "cross-origin"
    assert await messenger.texts() == []


@pytest.mark.parametrize("path", [PATH, "/", "/r/lobby", "/api/rooms", "/health/live"])
async def test_reading_is_for_everyone(messenger: Messenger, path: str) -> None:
    """A link on another site leads here."""
    asked = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    async with messenger.session.get(messenger.url + path, headers=asked) as response:
        assert response.status == 200


@pytest.mark.parametrize("origin", ["null", "garbage", "http://evil.example"])
async def test_a_request_without_a_host_is_of_no_origin(messenger: Messenger, origin: str) -> None:
    """An Origin that names no host is not the same as no host at all."""
    url = urlsplit(messenger.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    body = b'{"text":"hi"}'
    writer.write(
        f"POST {PATH} HTTP/1.0\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.split(b" ", 2)[1] in (b"400", b"403")
