"""Bad input gets a clear problem, never a 500, never a traceback."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from messenger.settings import load
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving_in_thread


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """One messenger for all of them: bad input leaves nothing behind."""
    private = PrivateStore()
    private.start()
    with serving_in_thread(
        private.url,
        load({"port": "0", "post_rate": "off", "room_rate": "off", "new_room_rate": "off"}),
    ) as url:
        yield url
    private.remove()


@pytest.fixture
async def messenger(address: str) -> AsyncIterator[Messenger]:
    async with aiohttp.ClientSession() as session:
        yield Messenger(None, address, session, lambda: None)


PATH = "/api/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}


def body(raw: bytes, **headers: str) -> dict[str, Any]:
    return {"data": raw, "headers": {**JSON, **headers}}


BODIES = [
    (body(b""), 400, "malformed-json"),
    (body(b"{"), 400, "malformed-json"),
    (body(b'{"text": NaN}'), 400, "malformed-json"),
    (body(b'{"text": "a"} x'), 400, "malformed-json"),
    (body(b'\xef\xbb\xbf{"text": "a"}'), 400, "malformed-json"),
    (body(b"[" * 30_000), 422, "invalid-field"),
    (body(b'{"text":' + b"[" * 30_000), 422, "invalid-field"),
    (body(b'{"a":' * 5_000), 422, "invalid-field"),
    (body(b"[]"), 422, "invalid-field"),
    (body(b'{"text": "\xff"}'), 400, "not-utf8"),
    (body(b'{"text": "\\ud800"}'), 400, "malformed-json"),
    (body(b'{"text": 1}'), 422, "invalid-field"),
    (body(b'{"author": "x"}'), 422, "invalid-field"),
    (body(b'{"text": "a", "colour": "red"}'), 422, "invalid-field"),
    (body(b'{"text": ""}'), 422, "empty-message"),
    (body(b'{"text": " \\n\\t "}'), 422, "empty-message"),
    (body(b'{"text": "\\u200b\\u2060\\u3164"}'), 422, "empty-message"),
    (body(b'{"text": "' + b"x" * 2_001 + b'"}'), 422, "too-long"),
    (body(b'{"text": "x", "author": "' + b"x" * 41 + b'"}'), 422, "too-long"),
    (body(b'{"text": "a\\u0000b"}'), 422, "forbidden-character"),
    (body(b'{"text": "a\\u202eb"}'), 422, "forbidden-character"),
    (body(b'{"text": "a\\u2067b"}'), 422, "forbidden-character"),
    (body(b'{"text": "a' + b"\\u0301" * 9 + b'"}'), 422, "forbidden-character"),
    (body(b'{"text": "a", "author": "x\\ny"}'), 422, "forbidden-character"),
    (body(b'{"text": "a", "ttl": 0}'), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": -1}'), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": 1e99}'), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": true}'), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": ' + b"9" * 5_000 + b"}"), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": "abc"}'), 422, "invalid-ttl"),
    (body(b'{"text": "a", "ttl": "16m"}'), 422, "invalid-ttl"),
    (body(b'{"text": "a"}', **{"Content-Type": "text/xml"}), 415, "unsupported-media-type"),
    (
        body(b"{}", **{"Content-Type": "application/json; charset=utf-7"}),
        415,
        "unsupported-media-type",
    ),
    (
        body(b"{}", **{"Content-Type": "application/json; charset=bogus"}),
        415,
        "unsupported-media-type",
    ),
    (body(b"{}", **{"Content-Type": "multipart/form-data"}), 415, "unsupported-media-type"),
    (body(b'{"text": "a"}', **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type"),
    (body(b'{"text": "a"}', **{"Idempotency-Key": "x" * 201}), 400, "bad-key"),
    (body(b'{"text": "a"}', **{"Idempotency-Key": "a b"}), 400, "bad-key"),
    (body(b'{"text": "a"}', **{"Idempotency-Key": ""}), 400, "bad-key"),
    (body(b'{"text": "' + b"x" * 40_000 + b'"}'), 413, "too-large"),
]


@pytest.mark.parametrize(("request_", "status", "code"), BODIES)
async def test_a_bad_post_is_refused_with_its_reason(
    messenger: Messenger, request_: dict[str, Any], status: int, code: str
) -> None:
    """Each kind of bad post has its own code, and nothing of it is kept."""
    refused = await messenger.problem("POST", PATH, **request_)
    assert (refused["status"], refused["code"]) == (status, code), refused["detail"]
    assert await messenger.texts() == []


PATHS = [
    ("GET", "/api/rooms/lobby/messages?limit=0", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages?limit=-1", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages?limit=1e20", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages?limit=%ff", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages?limit=10001", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages?before=abc", 400, "bad-cursor"),
    ("GET", "/api/rooms/lobby/messages?after=18446744073709551616-0", 400, "bad-cursor"),
    ("GET", "/api/rooms/lobby/messages?before=1-1&after=1-1", 400, "bad-query"),
    ("GET", "/api/rooms/lobby/messages/abc", 400, "bad-id"),
    ("GET", "/api/rooms/lobby/messages/1-1-1", 400, "bad-id"),
    ("GET", "/api/rooms/lobby/messages/%00", 400, "bad-id"),
    ("GET", "/api/rooms/lobby/messages/1-1", 410, "message-expired"),
    ("GET", "/api/rooms/lobby/messages/9999999999999-0", 404, "message-not-found"),
    ("DELETE", "/api/rooms/lobby/messages/abc", 400, "bad-id"),
    ("GET", "/api/rooms/lobby/events?after=abc", 400, "bad-cursor"),
    ("GET", "/api/rooms/lobby/events?last_event_id=%ff%00", 400, "bad-cursor"),
    ("GET", "/api/rooms/a%20b/messages", 400, "bad-room"),
    ("GET", "/api/rooms/%ff/messages", 400, "bad-room"),
    ("GET", "/api/rooms/%3Cscript%3E/events", 400, "bad-room"),
    ("GET", "/api/rooms/" + "x" * 65 + "/messages", 400, "bad-room"),
    ("GET", "/r/..%2f..%2fetc", 400, "bad-room"),
    ("GET", "/nothing/here", 404, "not-found"),
    ("GET", "/static/..%2fpage.py", 404, "not-found"),
    ("GET", "/static/nothing.js", 404, "not-found"),
    ("PUT", "/api/rooms/lobby/messages", 405, "method-not-allowed"),
    ("POST", "/api/rooms", 405, "method-not-allowed"),
    ("DELETE", "/r/lobby", 405, "method-not-allowed"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), PATHS)
async def test_a_bad_path_or_query_is_refused_with_its_reason(
    messenger: Messenger, method: str, path: str, status: int, code: str
) -> None:
    """Ids, cursors, limits, rooms and methods that can't be are told what can."""
    async with messenger.session.request(
        method, URL(messenger.url + path, encoded=True)
    ) as response:
        found = await response.json(content_type="application/problem+json")
    assert (found["status"], found["code"]) == (status, code), found["detail"]
    if status == 405:
        assert response.headers["Allow"]


@pytest.mark.parametrize("last_id", ["abc", "\xff", "99999999999999999999-0", "1-2-3", "-1"])
async def test_a_bad_last_event_id_is_refused(messenger: Messenger, last_id: str) -> None:
    """A cursor of any bytes gives a clear refusal."""
    refused = await messenger.problem(
        "GET", "/api/rooms/lobby/events", headers={"Last-Event-ID": last_id}
    )
    assert (refused["status"], refused["code"]) == (400, "bad-cursor")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"Content-Length: 1000000000\r\n\r\n{}", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n9000\r\n" + b"x" * 0x9000 + b"\r\n0\r\n\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
    ],
)
async def test_a_body_that_lies_about_itself_is_refused(
    messenger: Messenger, raw: bytes, status: bytes
) -> None:
    """Too long by its header, too long by its chunks, broken chunks, two lengths: refused at once."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    answer = await _exchange(messenger, head + raw)
    assert answer.split(b" ")[1] == status, answer[:300]
    assert b"Traceback" not in answer


@pytest.mark.parametrize("field", ["Sec-Fetch-Site", "Origin", "Authorization", "Content-Type"])
async def test_a_header_of_any_bytes_is_no_crash(messenger: Messenger, field: str) -> None:
    """Bytes that are no text in a header get a refusal that can be read."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{field}: ".encode()
    answer = await _exchange(messenger, head + b"\xff\xfe\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.split(b" ")[1] in (b"403", b"415"), answer[:300]
    assert b"application/problem+json" in answer


async def test_a_refused_form_keeps_what_was_written(messenger: Messenger) -> None:
    """Without JavaScript a refusal shows the page again with its reason, and the text."""
    form = {"text": "x" * 2_001, "author": "Ann", "ttl": "10s", "nonce": "n"}
    async with messenger.session.post(messenger.url + "/r/lobby", data=form) as response:
        page = await response.text()
        assert response.status == 422
    assert "2000 are allowed" in page
    assert "x" * 2_001 in page
    assert 'value="Ann"' in page
    assert '<option value="10s" selected>10 s</option>' in page


async def _exchange(messenger: Messenger, raw: bytes) -> bytes:
    return await _send(messenger.url, raw)


async def _send(url: str, raw: bytes) -> bytes:
    """Sends bytes as they are; what comes back until the other end closes, or has said enough."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read(4_096)
    finally:
        writer.close()
