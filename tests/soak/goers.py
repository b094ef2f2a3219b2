"""`python -m tests.soak.goers COUNT SEED URL ...`: subscribers that come and go, by streams, sockets and
long polls, in a process of their own; until it is killed. What they are told is thrown away: the readers
of tests/faults look at every word."""

import asyncio
import contextlib
import random
import sys
from collections.abc import Sequence
from urllib.parse import quote

import uvloop

from tests.faults.history import wall_ms
from tests.faults.load import ROOMS
from tests.hostile.swarm import raise_limit
from tests.lines import UPGRADE, Line, request_of

# Most rooms are quiet.
_QUIET_ROOMS = 100
_BUSY = 0.2
_STAY_S = (0.1, 20.0)
_AGAIN_S = (0.05, 0.5)
# Of those who leave, how many do it without a word, as a phone does in a tunnel.
_RESET = 0.3


async def _go(rng: random.Random, urls: Sequence[str], source: str) -> None:
    while True:
        with contextlib.suppress(OSError):
            line = await Line.open(rng.choice(urls), _request(rng), source=source)
            try:
                with contextlib.suppress(TimeoutError, OSError):
                    await line.rest(rng.uniform(*_STAY_S))
            finally:
                line.leave(is_reset=rng.random() < _RESET)
        await asyncio.sleep(rng.uniform(*_AGAIN_S))


def _request(rng: random.Random) -> bytes:
    is_busy = rng.random() < _BUSY
    room = rng.choice(ROOMS) if is_busy else f"quiet-{rng.randrange(_QUIET_ROOMS)}"
    path = f"/api/rooms/{quote(room)}"
    kind = rng.choice(("events", "events", "socket", "poll", "history"))
    if kind == "poll":
        return request_of(f"{path}/messages?after={wall_ms()}-0&wait=10s")
    if kind == "history":
        return request_of(f"{path}/events?after=0-0")
    return request_of(f"{path}/{kind}", UPGRADE if kind == "socket" else "")


async def main(count: str, seed: str, *urls: str) -> None:
    raise_limit()
    await asyncio.gather(
        *(
            # Each is a visitor of its own.
            _go(random.Random(f"{seed} {number}"), urls, f"127.2.{number >> 8}.{number & 255}")
            for number in range(1, int(count) + 1)
        )
    )


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
