"""What processes say of themselves: JSON for programs, lines for people, one record a line."""

import asyncio
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from messenger.keys import Keys
from messenger.logs import JsonLines
from tests.commands import Commands, Running
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.waiting import wait_until

_FIELDS = ["time", "level", "logger", "event"]


def records(running: Running) -> list[dict[str, Any]]:
    """Its lines, each of which must be an object with the fields in their order."""
    found = [json.loads(line) for line in running.errors().splitlines()]
    for record in found:
        assert list(record)[:4] == _FIELDS
        assert set(record) - set(_FIELDS) <= {"exception"}
    return found


async def test_each_line_is_an_object(own_commands: Commands) -> None:
    """Where no terminal is, all that a process says from its start to its end is JSON, a record a
    line, also while its store dies."""
    up = await own_commands.start("up", "--port", "0")
    await up.line()
    (server,) = own_commands.servers()
    os.kill(server, signal.SIGKILL)
    await wait_until(
        lambda: any("the store is back" in each["event"] for each in records(up)), "it is back"
    )
    assert await up.end() == 0
    found = records(up)
    assert {"info", "warning", "error"} <= {each["level"] for each in found}
    assert {"messenger.supervisor", "messenger.loops"} <= {each["logger"] for each in found}
    moment = datetime.fromisoformat(found[0]["time"])
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found[0]["time"])


async def test_a_crash_is_one_object(
    own_commands: Commands, own_store: Callable[..., PrivateStore]
) -> None:
    """The traceback of a crash is a field of the last line, and no text is in it."""
    private = own_store()
    worker = await own_commands.start("worker", "--store-url", private.url)
    with private.client() as client:
        await wait_until(lambda: client.exists(KEYS.log), "it works on the store")
        client.set(Keys(0).rooms, "not what it should be")
        fields = {"type": "message.posted", "author": "raw", "text": "the secret word"}
        client.xadd(KEYS.log, {**fields, "room": "lobby", "ttl": "900000"})
    assert await worker.ended() == 1
    last = records(worker)[-1]
    assert (last["level"], last["event"]) == ("critical", "the process crashed")
    assert "Traceback" in last["exception"]
    assert "WRONGTYPE" in last["exception"]
    assert "the secret word" not in worker.errors()


async def test_a_person_reads_lines(own_store: Callable[..., PrivateStore]) -> None:
    """On a terminal a record is a line with its time, level and place, and no JSON."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "messenger", "worker", "--store-url", own_store().url),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""

    def look() -> bool:
        nonlocal shown
        try:
            shown += os.read(ours, 10_000)
        except BlockingIOError:
            return False
        return b"working on" in shown

    try:
        await wait_until(look, "it says that it works")
    finally:
        process.terminate()
        await process.wait()
        os.close(ours)
    for line in shown.decode().splitlines():
        assert re.match(r"[\d-]{10} [\d:,]{12} (INFO|WARNING) +messenger\.\S+: \S", line), line


def _formatted(event: str, *args: object, error: Exception | None = None) -> str:
    exc_info = (type(error), error, None) if error else None
    record = logging.LogRecord("web.guard", logging.ERROR, "", 0, event, args, exc_info)
    return JsonLines().format(record)


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31mred", "\u202eturned", "é\ud800", '"}'])
def test_nothing_in_a_line_steers_what_reads_it(text: str) -> None:
    """Whatever a record holds, it is one line of plain ASCII, and comes out as it went in."""
    line = _formatted("said: %s", text)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["event"] == f"said: {text}"


def test_a_line_has_its_length() -> None:
    """A record of any size is cut in the middle: its end says what went wrong."""
    record = json.loads(_formatted("x" * 5_000 + "end", error=ValueError("y" * 50_000 + "end")))
    assert len(record["event"]) <= 1_010
    assert len(record["exception"]) <= 8_010
    assert record["event"].endswith("xend")
    assert record["exception"].startswith("ValueError: yyy")
    assert record["exception"].endswith("yend")
