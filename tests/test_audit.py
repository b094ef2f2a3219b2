"""Each act of an operator's, and each try to be one, is a line in the log without anybody's words."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from messenger.log import Log
from messenger.logs import JsonLines
from tests.operating import OPERATOR, TOKEN, bury
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.test_unread import exchange
from tests.waiting import wait_until
from web.audit import _REFUSALS, Audit

WRONG = {"Authorization": "Bearer " + "wrong-secret" * 3}


@pytest.fixture
async def messenger(
    run_messenger: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> Messenger:
    caplog.set_level(logging.DEBUG)
    return await run_messenger(admin_token=TOKEN)  # type: ignore[no-any-return]


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """The lines of the audit as a program reads them."""
    found = [json.loads(JsonLines().format(each)) for each in caplog.records]
    return [each for each in found if each["logger"] == "web.audit" and "act" in each]


def acts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(each["act"], each["of"], each["result"]) for each in lines(caplog)]


async def test_an_operator_s_erasure_is_noted(
    messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    """Who, what, which and whether; an author's own erasure is nobody's business."""
    mine, other = await messenger.post("secret"), await messenger.post("secret")
    path = f"{messenger.url}/api/rooms/lobby/messages"
    own = {"Authorization": f"Bearer {mine['erase_token']}"}
    for id_, headers, status in (
        (mine["id"], own, 204),
        (other["id"], OPERATOR, 204),
        ("1-1", OPERATOR, 410),
    ):
        async with messenger.session.delete(f"{path}/{id_}", headers=headers) as response:
            assert response.status == status
    assert acts(caplog) == [
        ("come", "", "done"),
        ("erase", other["id"], "done"),
        ("erase", "1-1", "message-expired"),
    ]
    assert len({each["visitor"] for each in lines(caplog)}) == 1
    assert all(len(each["visitor"]) == 24 for each in lines(caplog))


async def test_what_is_done_with_dead_letters_is_noted(
    messenger: Messenger, private_store: PrivateStore, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading one, handing it out again, dropping it; one and all; done or refused. A list, which has
    no texts, is not."""
    one, two, _ = await bury(private_store, log, "a secret", "a secret", "a secret")
    letters = f"{messenger.url}/api/ops/letters"
    for method, path in (
        ("GET", ""),
        ("GET", f"/mailer/0/{one}"),
        ("POST", f"/mailer/0/{one}/requeue"),
        ("DELETE", f"/mailer/0/{two}"),
        ("DELETE", f"/mailer/0/{two}"),
        ("DELETE", "/mailer"),
        ("POST", "/mailer/requeue"),
    ):
        async with messenger.session.request(method, letters + path, headers=OPERATOR):
            pass
    assert acts(caplog) == [
        ("come", "", "done"),
        ("read letter", f"mailer/0/{one}", "done"),
        ("requeue letter", f"mailer/0/{one}", "done"),
        ("drop letter", f"mailer/0/{two}", "done"),
        ("drop letter", f"mailer/0/{two}", "letter-not-found"),
        ("drop letters", "mailer", "done"),
        ("requeue letters", "mailer", "done"),
    ]


async def test_reading_all_rooms_is_noted(
    messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    """A replay with its span and its end, and each firehose."""
    posted = await messenger.post("secret", room="a-secret-room")
    async with messenger.session.get(
        f"{messenger.url}/api/replay?since=0-0&room=a-secret-room", headers=OPERATOR
    ) as response:
        assert b"secret" in await response.read()
    async with messenger.session.get(
        f"{messenger.url}/api/events?rooms=a-secret-room", headers=OPERATOR
    ) as response:
        assert response.status == 200
    url = f"{messenger.url}/api/socket?rooms=a-secret-room"
    async with messenger.session.ws_connect(url, headers=OPERATOR):
        pass
    await wait_until(lambda: len(acts(caplog)) == 5, "all are noted")
    come, begun, ended, *listened = acts(caplog)
    assert come == ("come", "", "done")
    assert (begun[0], begun[2], ended[0], ended[2]) == ("replay", "begun", "replay", "whole")
    assert begun[1] == ended[1]
    assert begun[1].startswith("0-0..")
    assert posted["id"] <= begun[1].partition("..")[2]
    assert listened == [("listen", "events", "begun"), ("listen", "socket", "begun")]


async def test_who_has_not_the_token_is_noted(
    messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    """Each try, by the route's pattern, no token told from a wrong one, and nothing of the token."""
    message = await messenger.post("secret")
    path = f"/api/rooms/lobby/messages/{message['id']}"
    await messenger.problem("GET", "/api/ops/figures", headers=WRONG)
    await messenger.problem("GET", "/api/replay")
    await messenger.problem("DELETE", path, headers=WRONG)
    assert acts(caplog) == [
        ("GET /api/ops/figures", "", "wrong token"),
        ("GET /api/replay", "", "no token"),
        ("DELETE /api/rooms/{room}/messages/{message}", "", "wrong token"),
    ]
    assert {each["level"] for each in lines(caplog)} == {"warning"}


async def test_no_line_holds_what_is_anybody_s(
    messenger: Messenger, private_store: PrivateStore, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither text, author, room, address nor token, whatever an operator does."""
    await bury(private_store, log, "a secret")
    message = await messenger.post("a secret", room="secret-room", author="secret author")
    for headers in (OPERATOR, WRONG, {"Authorization": "Bearer secret\u00ff"}):
        for method, path in (
            ("DELETE", f"/api/rooms/secret-room/messages/{message['id']}"),
            ("GET", "/api/replay?since=0-0&room=secret-room"),
            ("GET", "/api/ops/letters"),
            ("DELETE", "/api/ops/letters/mailer"),
        ):
            async with messenger.session.request(method, messenger.url + path, headers=headers):
                pass
    said = "\n".join(JsonLines().format(each) + each.getMessage() for each in caplog.records)
    assert len(acts(caplog)) > 8
    for word in ("secret", TOKEN, "127.0.0.1"):
        assert word not in said


async def test_bytes_in_a_path_can_not_forge_a_line(
    messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    """A group's name may be any bytes: the line stays one line, and its members are ours."""
    await exchange(
        messenger,
        b"GET /api/ops/letters/%0a%22,%22act%22:%22forged%ff/0/1-1 HTTP/1.1\r\nHost: x\r\n"
        b"Connection: close\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n",
    )
    assert [each["act"] for each in lines(caplog)] == ["come", "read letter"]
    (record,) = [each for each in caplog.records if "read letter" in each.getMessage()]
    assert "\n" not in JsonLines().format(record)
    assert "\n" not in record.getMessage()


def test_guessing_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Ten lines a minute, and how many more there were."""
    now = 0.0
    audit = Audit(lambda _: "visitor", lambda: now)
    for _ in range(1_000):
        audit.refused(None, "GET /x", "wrong token")  # type: ignore[arg-type]
    assert len(caplog.records) == _REFUSALS
    now = 61.0
    audit.refused(None, "GET /x", "wrong token")  # type: ignore[arg-type]
    assert caplog.messages[-2:] == [
        f"{1_000 - _REFUSALS} more requests were refused an operator's acts",
        "operator visitor: GET /x: wrong token",
    ]


def test_who_stays_is_not_noted_again(caplog: pytest.LogCaptureFixture) -> None:
    """A page that asks every second is one line, who comes back after a quarter of an hour another, and
    however many come it holds no more than its bound."""
    caplog.set_level(logging.INFO)
    now = 0.0
    audit = Audit(lambda request: str(request), lambda: now)
    for at in (0.0, 1.0, 800.0, 1_600.0, 3_000.0):
        now = at
        audit.came("one")  # type: ignore[arg-type]
    assert len(caplog.records) == 2
    for each in range(5_000):
        audit.came(str(each))  # type: ignore[arg-type]
    assert len(audit._seen) == 1_000
