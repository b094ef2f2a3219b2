"""What reaches no route of ours, or crashes what is not ours, is answered in our words and not logged
as a mistake of ours."""

import logging

import pytest

from tests.serving import Messenger
from tests.test_unread import exchange

END = b"Host: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"OPTIONS * HTTP/1.1\r\n",
        b"CONNECT other.example:443 HTTP/1.1\r\n",
        b"CONNECT /r HTTP/1.1\r\n",
    ],
)
@pytest.mark.parametrize("more", [b"", b"Expect: 100-continue\r\n"])
async def test_a_target_that_is_no_path_is_not_found(
    messenger: Messenger, line: bytes, more: bytes
) -> None:
    """Found by fuzzing: aiohttp answered these itself, as text, with its version."""
    status, headers, body = await exchange(messenger, line + END + more + b"\r\n")
    if status == 100:
        assert body.startswith(b"HTTP/1.1 404 ")
        assert b"Python" not in body
    else:
        assert status == 404
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Server"] == "messenger"


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd"])
@pytest.mark.parametrize("path", [b"/api/rooms/lobby/messages", b"/r/lobby", b"/nothing"])
async def test_a_packed_body_is_not_unpacked(
    messenger: Messenger, caplog: pytest.LogCaptureFixture, encoding: bytes, path: bytes
) -> None:
    """Found by fuzzing: what was refused was unpacked all the same, and that it can't be was logged as a
    mistake of ours."""
    status, headers, _ = await exchange(
        messenger,
        b"POST %b HTTP/1.1\r\n%bContent-Type: application/json\r\nContent-Encoding: %b\r\n"
        b"Content-Length: 6\r\n\r\nsecret" % (path, END, encoding),
    )
    assert status == (404 if path == b"/nothing" else 415)
    assert headers["Content-Type"] == "application/problem+json"
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=x",
        "application/openmetrics-text; version=1.1e1",
        "text/plain; version=2.\u00ff",
        "text/plain;version=1." + "9" * 5_000,
        "application/openmetrics-text;version=0x1",
    ],
)
async def test_a_version_that_is_no_number_gets_the_plain_figures(
    messenger: Messenger, accept: str
) -> None:
    """Found by fuzzing: the library of the figures crashed on it, and said others again in the head of
    the answer."""
    async with messenger.session.get(
        messenger.url + "/metrics", headers={"Accept": accept}
    ) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_scrapers_get_the_format_that_they_ask_for(messenger: Messenger) -> None:
    """What Prometheus sends is still understood."""
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    async with messenger.session.get(
        messenger.url + "/metrics", headers={"Accept": accept}
    ) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await response.text()).endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/r/lobby", "/api/rooms/lobby/messages"])
async def test_who_names_no_host_is_of_no_origin(messenger: Messenger, path: str) -> None:
    """Found by reading: over HTTP/1.0 without a Host, an Origin without one was taken for the same."""
    for origin in (b"null", b"", b"http://", b"/"):
        status, _, body = await exchange(
            messenger,
            b"POST %b HTTP/1.0\r\nOrigin: %b\r\nContent-Length: 0\r\n\r\n"
            % (path.encode(), origin),
        )
        assert status == 403, origin
        assert b'"cross-origin"' in body


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/r/a%20b", {"text": "hello"}, 400),
        ("/r/lobby", {"text": "x" * 40_000}, 413),
        ("/r/lobby", {str(each): "" for each in range(11)}, 400),
    ],
)
async def test_a_person_is_told_in_a_page_that_a_form_can_t_be_read(
    messenger: Messenger, path: str, form: dict[str, str], status: int
) -> None:
    """Found by fuzzing: a browser got a problem for programs where there was no form to show again."""
    headers = {"Accept": "text/html"}
    async with messenger.session.post(messenger.url + path, data=form, headers=headers) as response:
        assert (response.status, response.content_type) == (status, "text/html")
        assert f"<p>{status}: " in await response.text()
    refused = await messenger.problem("POST", path, data=form)
    assert refused["status"] == status
