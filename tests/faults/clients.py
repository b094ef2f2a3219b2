"""Harms by clients: readers that never read, requests that never end, requests that are cut off."""

import asyncio
import contextlib
import statistics
import time
from pathlib import Path

from tests.faults.history import Write
from tests.faults.load import AWAY, ROOMS
from tests.faults.rounds import Round
from tests.lines import UPGRADE, Line, post_of, request_of

_NON_READERS = 60
# A head and a body have 10 s, a refused body's rest 2 more; the rest is for the look.
_HEAD_S, _BODY_S, _BUSY_S = 10.0, 12.0, 3.0


async def never_read(this: Round) -> None:
    """F13: streams and sockets that take nothing; they are cut, and nobody else is slower for it."""
    await this.pause(2.0)
    before_ms, rss = _p99_ms(this, 0), _rss_mb(this)
    began = len(this.history.readings[0].events)
    opened = []
    for number in range(_NON_READERS):
        web = this.rng.choice(this.site.webs)
        kind = ("events", "") if number % 3 else ("socket", UPGRADE)
        asked = request_of(f"/api/rooms/{ROOMS[0]}/{kind[0]}", kind[1])
        opened.append(await Line.open(web.url, asked, receives=4_096))
        this.injected += 1
    await this.pause(10.0)
    during_ms, rss_during = _p99_ms(this, began), _rss_mb(this)
    cut = await _slow_ends(this)
    for each in opened:
        each.leave()
    this.notes.append(
        f"p99 to a reader {before_ms:.0f} ms before, {during_ms:.0f} during; "
        f"{rss} MB before, {rss_during} during; {cut} cut as slow"
    )
    this.demand(cut, "nobody was cut as slow")
    this.demand(during_ms < max(4 * before_ms, 500), f"p99 rose to {during_ms:.0f} ms")
    this.demand(rss_during < rss + 100, f"memory rose to {rss_during} MB from {rss}")
    this.healed()


async def dawdle(this: Round) -> None:
    """F14: connections that say nothing, half a head, or a body byte by byte; all are closed."""
    url = this.site.webs[0].url
    lines = [
        await Line.open(url, sent)
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", post_of(1_000))
    ]
    this.injected += 3
    ends = await asyncio.gather(*map(_closed_after, lines, (b"", b"a", b" ")))
    words = ("nothing", "half a head", "half a body")
    for what, took, bound in zip(words, ends, (_HEAD_S, _HEAD_S, _BODY_S), strict=True):
        this.notes.append(f"{what} closed after {took:.0f} s")
        this.demand(took < bound + _BUSY_S, f"{what} was open for {took:.0f} s")
    this.healed()


async def cut_off_requests(this: Round) -> None:
    """F15: clients that leave in the middle, of posts, pages and streams; nobody else gets their
    answers."""
    until = time.monotonic() + 4.0

    async def abort(name: str) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            this.injected += 1
            web, room = this.rng.choice(this.site.webs), this.rng.choice(ROOMS)
            with contextlib.suppress(*AWAY, TimeoutError):
                async with asyncio.timeout(this.rng.uniform(0.0, 0.02)):
                    await _begin(this, web.url, Write(name, room, f"{name}-{number}"))
            await asyncio.sleep(0.01)

    # It may be done more than once in a history.
    begun = this.injected
    await asyncio.gather(*(abort(f"leaver{begun}.{n}") for n in range(6)))
    this.healed()


async def _begin(this: Round, url: str, write: Write) -> None:
    path = f"{url}/api/rooms/{write.room}"
    what = this.rng.choice(("post", "post", "messages", "events"))
    if what == "post":
        this.history.writes.append(write)
        await this.session.post(
            f"{path}/messages", json={"text": write.text}, headers={"Idempotency-Key": write.text}
        )
    else:
        async with this.session.get(f"{path}/{what}", params={"after": "0-0"}) as response:
            await response.read()


async def _closed_after(line: Line, drop: bytes) -> float:
    """Says a drop a second until the other end has closed; how long that took."""
    began = time.monotonic()
    with contextlib.suppress(TimeoutError):
        await line.drip(drop, seconds=4 * _HEAD_S)
    line.leave()
    return time.monotonic() - began


def _p99_ms(this: Round, since: int) -> float:
    """How long messages took from their id's time to a reader, at the 99th percentile."""
    delays = [
        seen.at - seen.id.ms
        for reading in this.history.readings
        for seen in reading.events[since:]
        if seen.kind == "message"
    ]
    return statistics.quantiles(delays, n=100)[-1] if len(delays) > 1 else 0.0


def _rss_mb(this: Round) -> int:
    pages = [Path(f"/proc/{web.pid}/statm").read_text().split()[1] for web in this.site.webs]
    return max(map(int, pages)) * 4 // 1_024


async def _slow_ends(this: Round) -> int:
    total = 0
    for web in this.site.webs:
        async with this.session.get(f"{web.url}/metrics") as response:
            for line in (await response.text()).splitlines():
                if line.startswith("messenger_slow_subscribers_closed_total"):
                    total += int(float(line.split()[-1]))
    return total
