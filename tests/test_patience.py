"""Who keeps us waiting is closed in time, and told why; nobody is kept for ever."""

import asyncio
import itertools
import json
import os

import pytest

import web.body
import web.patience
import web.server
from tests.lines import UPGRADE, Line, post_of, request_of
from tests.serving import Messenger
from tests.waiting import wait_until
from web.patience import HEAD_BYTES, HEAD_S

_PAGE = request_of("/api/rooms/lobby/messages?limit=100")
_LAST_PAGE = request_of("/api/rooms/lobby/messages?limit=100", "Connection: close\r\n")
_STREAM = request_of("/api/rooms/lobby/events")
_SOCKET = request_of("/api/rooms/lobby/socket", UPGRADE)
_HALF = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "
_SOON_S = 0.3


def test_all_of_it_is_over_within_fifteen_seconds() -> None:
    """A head, and a body with the moment in which its sender may read the refusal."""
    assert HEAD_S <= 15
    assert web.body._FINISH_S + web.server._LINGER_S <= 15


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.patience, "HEAD_S", _SOON_S)
    monkeypatch.setattr(web.patience, "TAKE_S", _SOON_S)


@pytest.mark.usefixtures("_impatient")
async def test_a_connection_that_says_nothing_is_closed(messenger: Messenger) -> None:
    """Without a word: nothing was asked."""
    with await Line.open(messenger.url) as line:
        assert await line.rest() == b""


@pytest.mark.usefixtures("_impatient")
async def test_half_a_head_that_drips_is_refused(messenger: Messenger) -> None:
    """Each byte that comes wins no time, and the sender is told."""
    with await Line.open(messenger.url, _HALF) as line:
        answer = await line.drip(b"a", every_s=0.05)
    assert _status(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request-timeout"


@pytest.mark.usefixtures("_impatient")
async def test_half_a_head_after_a_request_is_refused(messenger: Messenger) -> None:
    """A connection that was served has no more time for its next head than a new one."""
    with await Line.open(messenger.url, request_of("/health/live")) as line:
        assert _status(await line.until(b'{"status":"live"}')) == 200
        await line.send(_HALF)
        assert _status(await line.drip(b"a", every_s=0.05)) == 408


@pytest.mark.usefixtures("_impatient")
async def test_an_idle_connection_is_kept(messenger: Messenger) -> None:
    """Between two requests nobody is hurried: a proxy keeps its connections open. When one that was
    opened later and said nothing is closed, it still answers."""
    with await Line.open(messenger.url, request_of("/health/live")) as line:
        await line.until(b'{"status":"live"}')
        with await Line.open(messenger.url) as silent:
            await silent.rest()
        await line.send(request_of("/health/live"))
        assert _status(await line.until(b'{"status":"live"}')) == 200


async def test_a_head_without_end_is_refused(messenger: Messenger) -> None:
    """Not every field is too long, and yet all of them are: no more memory for one connection."""
    with await Line.open(messenger.url, b"GET / HTTP/1.1\r\nHost: x\r\n") as line:
        for number in itertools.count():
            if (answer := line.heard()) or number * 1_000 > 2 * HEAD_BYTES:
                break
            await line.send(b"X-%d: %b\r\n" % (number, b"x" * 990))
            await asyncio.sleep(0)
        answer += await line.rest()
    assert _status(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "malformed-request"


async def test_half_a_body_that_drips_is_refused(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a head is; what is still coming then is not waited for."""
    monkeypatch.setattr(web.body, "_FINISH_S", _SOON_S)
    with await Line.open(messenger.url, post_of(1_000)) as line:
        answer = await line.drip(b" ", every_s=0.05)
    assert _status(answer) == 408


@pytest.mark.usefixtures("_impatient")
async def test_an_answer_that_is_not_taken_is_cut(messenger: Messenger) -> None:
    """Pages are asked for and never read: what was made for them is let go of, and so is the
    connection."""
    await _fill(messenger, 100)
    size = await _answer_size(messenger)
    before = len(asyncio.all_tasks())
    with await Line.open(messenger.url, _PAGE * 20, receives=4_096) as line:
        await wait_until(lambda: len(asyncio.all_tasks()) > before, "it is being answered")
        await wait_until(lambda: len(asyncio.all_tasks()) <= before, "it is cut")
        await wait_until(lambda: not line.is_open(), "the system lets go of it, too")
        assert len(await line.rest()) < 20 * size


@pytest.mark.usefixtures("_impatient")
async def test_an_answer_that_is_taken_slowly_is_given(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Much is unread for longer than anybody may leave it unread who takes nothing, and all comes."""
    monkeypatch.setattr(web.patience, "TAKE_S", 0.2)
    looks: list[int] = []
    look = web.patience.PatientHandler._look

    def counted(self: web.patience.PatientHandler) -> None:
        looks.append(self._unread())
        look(self)

    monkeypatch.setattr(web.patience.PatientHandler, "_look", counted)
    monkeypatch.setattr(web.patience.PatientHandler, "_look", counted)
    await _fill(messenger, 100)
    wanted = 10 * await _answer_size(messenger)
    with await Line.open(messenger.url, _PAGE * 9 + _LAST_PAGE, receives=65_536) as line:
        got = 0
        # Once it has been looked at, as fast as it goes; much slower until then.
        while more := await line.some(2_000 if len(looks) < 3 else 2**20):
            got += len(more)
            await asyncio.sleep(0.002)
    assert wanted - 1_000 < got <= wanted
    assert len(looks) >= 3


async def test_nothing_is_left_of_a_flood(messenger: Messenger) -> None:
    """Connections that are opened and left, in every state of a request, leave no task and no file
    descriptor behind."""
    await messenger.texts()
    tasks, files = len(asyncio.all_tasks()), _open_files()
    states = (b"", _HALF, post_of(1_000), post_of(1_000) + b"{", request_of(_STREAM), _SOCKET)
    for _ in range(20):
        lines = [await Line.open(messenger.url, sent) for sent in states * 3]
        for number, line in enumerate(lines):
            line.leave(is_reset=number % 2 == 0)
    await wait_until(lambda: len(asyncio.all_tasks()) <= tasks, "no task is left")
    await wait_until(lambda: _open_files() <= files, "no file descriptor is left")
    assert await messenger.texts() == []


def _status(answer: bytes) -> int:
    return int(answer.split(maxsplit=2)[1])


async def _fill(messenger: Messenger, count: int) -> None:
    """A page of the longest messages."""
    await asyncio.gather(*(messenger.post("é" * 2_000) for _ in range(count)))


async def _answer_size(messenger: Messenger) -> int:
    """Bytes of one answer, head and body."""
    with await Line.open(messenger.url, _LAST_PAGE) as line:
        return len(await line.rest())


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
