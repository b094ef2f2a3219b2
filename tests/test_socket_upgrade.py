"""What is refused before a WebSocket is opened: by then every refusal still is a problem."""

from collections.abc import Callable

import pytest

from messenger.settings import Settings
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.test_guard import PROBLEM, REFUSED, TAKEN, headers_of, shown

PATH = "/api/rooms/lobby/socket"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("template", TAKEN, ids=shown)
async def test_a_page_of_ours_and_a_program_may_open_one(
    messenger: Messenger, template: dict[str, str]
) -> None:
    """The rule is that of writes: who may post may open a socket, which posts."""
    headers = headers_of(messenger, template)
    async with messenger.session.ws_connect(messenger.url + PATH, headers=headers) as socket:
        assert (await socket.receive(5)).data.startswith('{"event":"hello"')


@pytest.mark.parametrize("template", REFUSED, ids=shown)
async def test_another_site_may_not_open_one(
    messenger: Messenger, template: dict[str, str]
) -> None:
    """Browsers let any page open a socket to anywhere, with its reader's rights: we do not. Nothing is
    opened; and who does not ask for a socket is refused in the same way."""
    headers = headers_of(messenger, template)
    for asked in (headers, headers | UPGRADE):
        found = await messenger.problem("GET", PATH, headers=asked)
        assert (found["status"], found["code"]) == PROBLEM
    async with messenger.session.get(messenger.url + "/metrics") as response:
        assert "messenger_streams_total 0.0" in await response.text()


@pytest.mark.parametrize("query", ["?after=abc", "?after=18446744073709551616-0", "?after=%ff"])
async def test_a_bad_cursor_is_refused_before_the_upgrade(messenger: Messenger, query: str) -> None:
    """The same problem as the stream's."""
    await _refused(messenger, PATH + query, 400, "bad-cursor")


async def test_a_bad_room_is_refused_before_the_upgrade(messenger: Messenger) -> None:
    """The same problem as the stream's."""
    await _refused(messenger, "/api/rooms/a%20b/socket", 400, "bad-room")


async def test_a_process_that_stops_takes_no_socket(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """What would be ended at once is refused, on a connection that is still open."""
    async with serving(private_store.url, settings()) as messenger, messenger.socket() as socket:
        await socket.next()
        await messenger.page()  # a connection that is kept
        messenger.stop()
        await _refused(messenger, PATH, 503, "stopping")
        await socket.rest()


async def _refused(messenger: Messenger, path: str, status: int, code: str) -> None:
    found = await messenger.problem("GET", path, headers=UPGRADE)
    assert (found["status"], found["code"]) == (status, code)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        UPGRADE | {"Upgrade": "h2c"},
        UPGRADE | {"Connection": "close"},
        UPGRADE | {"Sec-WebSocket-Version": "12"},
        UPGRADE | {"Sec-WebSocket-Key": "short"},
        UPGRADE | {"Sec-WebSocket-Key": "\xff"},
    ],
)
async def test_what_is_no_handshake_is_told_to_upgrade(
    messenger: Messenger, headers: dict[str, str]
) -> None:
    """426, and to what; a handshake that is not whole is none."""
    found = await messenger.problem("GET", PATH, headers=headers)
    assert (found["status"], found["code"]) == (426, "upgrade-required")
    assert found["headers"]["Upgrade"] == "websocket"
    assert found["headers"]["Sec-WebSocket-Version"] == "13"


async def test_a_socket_has_no_head(messenger: Messenger) -> None:
    """HEAD would stay open for nothing."""
    async with messenger.session.head(messenger.url + PATH) as response:
        assert response.status == 405
