"""The hot paths' answers, which are written past aiohttp's own."""

import asyncio
import contextlib
import json

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.serving import Messenger
from web.dispatch import _REMEMBERED, Dispatch

MESSAGES = "/api/rooms/lobby/messages"
POST = json.dumps({"text": "hello"})


async def _connect(messenger: Messenger) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = messenger.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def _ask(messenger: Messenger, head: str, body: str = "", times: int = 1) -> list[bytes]:
    """The answers on one connection, each read to its end by its Content-Length."""
    reader, writer = await _connect(messenger)
    answers = []
    for _ in range(times):
        length = (
            f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        )
        writer.write(f"{head}\r\nHost: localhost\r\n{length}\r\n{body}".encode())
        fields = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in fields.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        answers.append(
            fields + (b"" if head.startswith("HEAD") else await reader.readexactly(length))
        )
    if b"\r\nConnection: close\r\n" not in answers[-1]:
        writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    return answers


async def test_a_connection_is_kept_for_the_next_request(messenger: Messenger) -> None:
    """Two posts and a page, each after the other's answer, on one connection."""
    first, second = await _ask(messenger, f"POST {MESSAGES} HTTP/1.1", POST, times=2)
    assert first.startswith(b"HTTP/1.1 201 Created\r\n")
    assert second.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"connection:" not in first.lower()


async def test_who_will_not_stay_is_let_go(messenger: Messenger) -> None:
    """`Connection: close` is answered in kind, and the connection closed."""
    (answer,) = await _ask(messenger, f"GET {MESSAGES} HTTP/1.1\r\nConnection: close")
    assert b"\r\nConnection: close\r\n" in answer


async def test_an_old_client_is_told_what_becomes_of_its_connection(messenger: Messenger) -> None:
    """HTTP/1.0 closes unless it is told that it may stay."""
    (answer,) = await _ask(messenger, f"GET {MESSAGES} HTTP/1.0")
    assert b"\r\nConnection: close\r\n" in answer
    kept = await _ask(messenger, f"GET {MESSAGES} HTTP/1.0\r\nConnection: keep-alive", times=2)
    assert all(b"\r\nConnection: keep-alive\r\n" in each for each in kept)


async def test_a_head_has_the_fields_and_no_body(messenger: Messenger) -> None:
    """What a HEAD is told is what a GET would be, also where the path is known already."""
    heads = await _ask(messenger, f"HEAD {MESSAGES} HTTP/1.1", times=2)
    (page,) = await _ask(messenger, f"GET {MESSAGES} HTTP/1.1")
    fields, _, body = page.partition(b"\r\n\r\n")
    for head in heads:
        assert _names(head) == _names(fields)
        assert b"Content-Length: %d\r\n" % len(body) in head


async def test_a_known_path_takes_no_other_method(messenger: Messenger) -> None:
    """A path that was found for GET is looked up anew for what it does not take."""
    await _ask(messenger, f"GET {MESSAGES} HTTP/1.1", times=2)
    (answer,) = await _ask(messenger, f"PUT {MESSAGES} HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 405 ")


async def test_a_known_path_says_that_a_body_may_come(messenger: Messenger) -> None:
    """Who asks before it sends is told to go on, also where the path is known already."""
    await _ask(messenger, f"POST {MESSAGES} HTTP/1.1", POST, times=2)
    reader, writer = await _connect(messenger)
    writer.write(
        f"POST {MESSAGES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(POST)}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(POST.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_known_paths_are_no_more_than_there_is_room_for() -> None:
    """Ever new rooms take no more memory than a few thousand paths do; those that are very long or lead
    nowhere take none, and each finds its own route."""
    app = web.Application()
    app.router.add_get("/{name}", _name)
    dispatch = Dispatch(app._handle)
    app.freeze()
    for number in range(_REMEMBERED + 10):
        request = make_mocked_request("GET", f"/{number}", app=app)
        response = await dispatch(request)
        assert response.headers["Name"] == str(number)
    assert len(dispatch._known) == _REMEMBERED
    for path in ("/", f"/{'x' * 500}"):
        with contextlib.suppress(web.HTTPNotFound):
            await dispatch(make_mocked_request("GET", path, app=app))
        assert ("GET", path) not in dispatch._known


async def _name(request: web.Request) -> web.Response:
    return web.Response(headers={"Name": request.match_info["name"]})


def _names(fields: bytes) -> list[bytes]:
    return [line.split(b":")[0] for line in fields.strip().split(b"\r\n")]
