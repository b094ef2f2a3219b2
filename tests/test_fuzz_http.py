"""Whatever bytes come as method, path, query, header or body, by any route: an answer of ours, never
a 500, and no line in the log that tells of a mistake."""

import asyncio
import json
import socket
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands import UNLIMITED, Commands
from tests.fuzz.found import BEGINNINGS
from tests.operating import TOKEN
from web.routes import ROUTES

_ENVIRONMENT = {
    "MESSENGER_ADMIN_TOKEN": TOKEN,
    "MESSENGER_MAX_STORE_MB": "64",
    **UNLIMITED,
    "MESSENGER_TRUSTED_PROXIES": "127.0.0.1",
}
_EXAMPLES = 150
_LONG = 64
_SEEDED = settings(
    derandomize=True, database=None, max_examples=_EXAMPLES, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def ask(address: tuple[str, int], raw: bytes) -> bytes:
    """The answer's head, and what of its body comes along; nothing where the other end hangs up."""
    with socket.create_connection(address, timeout=5) as connected:
        connected.sendall(raw)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connected.recv(65_536)
            if not more:
                break
            answer = (answer + more).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return answer


async def tried(
    commands: Commands, requests: st.SearchStrategy[bytes], *may_be: type[Exception]
) -> list[dict[str, Any]]:
    """Sends requests to a process of its own, as people start it; what it complained of, but of who has
    no token."""
    up = await commands.start("up", "--port", "0", **_ENVIRONMENT)
    host, _, port = (await up.line()).partition("http://")[2].partition(":")

    @_SEEDED
    @given(raw=requests)
    def try_it(raw: bytes) -> None:
        with suppress(*may_be):
            assert_ours(ask((host, int(port)), raw), raw)

    await asyncio.to_thread(try_it)
    assert await up.end() == 0
    lines = [json.loads(line) for line in up.errors().splitlines()]
    assert any(each["logger"] == "web.audit" for each in lines), "it writes down what it sees"
    return [each for each in lines if each["level"] != "info" and each["logger"] != "web.audit"]


def assert_ours(answer: bytes, raw: bytes) -> None:
    if not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    told = dict(field.split(": ", 1) for field in fields)
    assert 101 <= int(status.split(" ")[1]) < 500, (raw, answer[:500])
    assert told["Server"] == "messenger", (raw, answer[:500])
    assert "Content-Security-Policy" in told, (raw, answer[:500])
    if int(status.split(" ")[1]) >= 400 and told.get("Content-Length") != "0":
        kind = told["Content-Type"]
        assert kind in ("application/problem+json", "text/html; charset=utf-8"), (raw, answer[:500])
    assert b"Traceback" not in body
    assert TOKEN.encode() not in answer


_PRINTED = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
_ENCODED = st.binary(max_size=6).map(lambda raw: "".join(f"%{each:02x}" for each in raw))
_TYPED = st.sampled_from(
    ["lobby", "~a", "1-1", "0", "9" * 20, "..", "%2e%2e", "%00", "%ff", "%ed%a0%80", "é", "a%2fb",
     "18446744073709551616-0", "max", "now", "window", "60s", "-1", "", "projector", "%C3%A9"]
)  # fmt: skip
_PIECE = st.one_of(_TYPED, _PRINTED, _ENCODED)
_QUERY = st.sampled_from(
    ["limit", "before", "after", "wait", "last_event_id", "lastEventId", "rooms", "room", "since",
     "until", "speed", "group", "x", ""]
)  # fmt: skip
# As a client may send them: no line break, which would end the field.
_VALUE = st.one_of(
    st.sampled_from(BEGINNINGS),
    st.binary(max_size=_LONG),
    st.binary(min_size=8_100, max_size=8_200),
).map(lambda raw: bytes(each for each in raw if each not in b"\r\n\0"))
_FIELD = st.sampled_from(
    [b"Accept", b"Accept-Encoding", b"Authorization", b"Connection", b"Content-Encoding",
     b"Content-Type", b"Cookie", b"Expect", b"Idempotency-Key", b"If-None-Match", b"Last-Event-ID",
     b"Origin", b"Range", b"Sec-Fetch-Site", b"Sec-WebSocket-Extensions", b"Sec-WebSocket-Key",
     b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Version", b"TE", b"Transfer-Encoding", b"Upgrade",
     b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"traceparent", b"tracestate",
     b"Host", b"Content-Length", b"X-HTTP-Method-Override", b"Forwarded", b"User-Agent"]
)  # fmt: skip
_WHOLE = (b"Transfer-Encoding", b"Content-Length", b"Expect")
_KINDS = st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", b"text/plain"])


@st.composite
def _target(draw: st.DrawFn) -> tuple[str, str]:
    """A method and a path: mostly those of a route, with something in the places of its names."""
    method, path, _ = draw(st.sampled_from(ROUTES))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + draw(_PIECE) + rest.partition("}")[2]
    method = draw(
        st.sampled_from([method] * 8 + ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "QUERY"])
    )
    pairs = draw(st.lists(st.tuples(_QUERY, _PIECE), max_size=3))
    query = "&".join(f"{name}={value}" for name, value in pairs if name != "wait")
    return method, path + (f"?{query}" if query else "")


@st.composite
def _request(draw: st.DrawFn) -> bytes:
    method, target = draw(_target())
    body = draw(st.one_of(st.sampled_from(BEGINNINGS), st.binary(max_size=_LONG)))
    fields = draw(st.lists(st.tuples(_FIELD, _VALUE), max_size=5))
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target.encode()), b"Host: x"]
    lines += [b"Content-Length: %d" % len(body), b"Content-Type: " + draw(_KINDS)]
    if draw(st.booleans()):
        lines.append(b"Authorization: Bearer " + TOKEN.encode())
    # What says where a body ends may not be made up: who lies about it waits for ten seconds.
    lines += [b"%b: %b" % field for field in fields if field[0] not in _WHOLE]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def test_any_request_gets_an_answer(own_commands: Commands) -> None:
    """By every route, with any fields and any body."""
    assert await tried(own_commands, _request()) == []


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    """A sound request with some of its bytes cut, doubled or replaced."""
    data = bytearray(draw(_request()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, min(len(data), 200)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data) + b"\r\n\r\n"


_BYTES = st.binary(min_size=1, max_size=_LONG).map(lambda raw: raw + b"\r\n\r\n")


async def test_any_bytes_get_an_answer(own_commands: Commands) -> None:
    """Also where they are hardly a request. What is cut short waits for its rest."""
    requests = st.one_of(_broken(), _BYTES, _request())
    assert await tried(own_commands, requests, TimeoutError) == []
