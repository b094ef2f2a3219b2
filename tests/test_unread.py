"""Bytes that are no request get an answer of our shape, and are not logged."""

import asyncio
import json
import logging

import pytest

from tests.serving import Messenger

HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\n"


async def exchange(messenger: Messenger, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes back until the other end closes: status, headers, body."""
    host, _, port = messenger.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret\r\n\r\n",
        b"secret\r\n\r\n",
        b"GET /secret HTTP/9.9\r\n\r\n",
        b"GET /" + b"secret" * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"X-A: " + b"secret" * 2_000 + b"\r\n\r\n",
        HEAD + b"Host: secret\r\n\r\n",
        HEAD + b"bad name secret: x\r\n\r\n",
        HEAD + b"Content-Length: secret\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nsecret",
    ],
)
async def test_what_is_no_request_is_refused_in_our_words(
    messenger: Messenger, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    """A problem like every other, the connection closed, nothing of the bytes in answer or log."""
    caplog.set_level(logging.DEBUG)
    status, headers, body = await exchange(messenger, raw)
    problem = json.loads(body)
    assert (status, problem["code"]) == (400, "malformed-request")
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Server"] == "messenger"
    assert b"secret" not in body
    assert not any("secret" in f"{each.getMessage()}{each.exc_text}" for each in caplog.records)


async def test_only_a_body_can_be_expected(messenger: Messenger) -> None:
    """100-continue is answered before the body is sent; anything else is refused in our words."""
    status, headers, body = await exchange(
        messenger, POST + b"Expect: tea\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    assert (status, json.loads(body)["code"]) == (417, "expectation-failed")
    assert headers["Server"] == "messenger"
    status, _, rest = await exchange(
        messenger,
        POST + b"Expect: 100-continue\r\nConnection: close\r\n"
        b'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"text":"hi"}',
    )
    assert status == 100
    assert rest.startswith(b"HTTP/1.1 201")
