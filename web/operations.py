"""For operators and what watches over us: is it alive, is it ready, what does it count."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from consumers.stats import PartitionStats, Stats, read_group_stats, read_stats
from messenger.log import Logs
from messenger.loops import AWAY
from web.answers import json_answer
from web.appkeys import FEED, LOGS, METRICS, STOP
from web.shapes import Health

_ASK_S = 1.0
# The sweeper comes twice a second; texts outlive their time if it stays away.
_SWEEP_LATE_MS = 5_000
_LAG_LATE_MS = 10_000
_CLOCK_BEHIND_MS = 1_000

# In an Accept, as scrapers write it: `application/openmetrics-text;version=1.0.0`.
_VERSIONS = re.compile(r"version=([^;,]*)")
_NUMBERS = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\s*", re.ASCII)

_T = TypeVar("_T")


async def live(_: web.Request) -> web.Response:
    """The process runs and its loops do: one that crashes ends it."""
    return json_answer(b'{"status":"live"}')


async def ready(request: web.Request) -> web.Response:
    """Whether posts and reads will be served, and what is wrong besides."""
    if request.app[STOP].is_set():
        return _health(Health("unready", ["the process is stopping"]))
    stats = await ask(request, read_stats)
    if stats is None:
        return _health(Health("unready", ["the store does not answer"]))
    if (refusal := _refusal(stats)) is not None:
        return _health(Health("unready", [refusal]))
    if not request.app[FEED].is_ready:
        return _health(Health("unready", ["the feed has not caught up with the log"]))
    problems = [words for one in stats.partitions for words in _dangers(one)]
    return _health(Health("degraded" if problems else "ready", problems))


async def metrics(request: web.Request) -> web.Response:
    found, feed = request.app[METRICS], request.app[FEED]
    stats, groups = await asyncio.gather(ask(request, read_stats), ask(request, read_group_stats))
    found.store.stats, found.store.groups = stats, groups or []
    found.tasks(len(asyncio.all_tasks()))
    now = asyncio.get_running_loop().time()
    found.feed(
        subscribers=len(feed.subscribers),
        tail_lag_s=max(now - partition.heard_at for partition in feed.partitions),
        clock_steps=feed.clock.steps,
    )
    encode, content_type = _encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(found.registry), headers={"Content-Type": content_type})


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The library believes that a version is numbers, and says it again in the answer's head."""
    are_numbers = all(map(_NUMBERS.fullmatch, _VERSIONS.findall(accept)))
    return choose_encoder(accept if are_numbers else "")


async def ask(request: web.Request, read: Callable[[Logs], Awaitable[_T]]) -> _T | None:
    """What the store tells; None if it does not in time."""
    try:
        async with asyncio.timeout(_ASK_S):
            return await read(request.app[LOGS])
    except (*AWAY, TimeoutError):
        return None


def _refusal(stats: Stats) -> str | None:
    """Why the store takes no posts now, though it answers; reading goes on."""
    if not stats.is_primary:
        return "the store takes no writes: it is a replica"
    if stats.is_full:
        return "the store takes no posts: its memory is full"
    if not stats.is_written:
        return "the store takes no writes: it can't write its file"
    return None


def _dangers(one: PartitionStats) -> list[str]:
    found = []
    if one.since_sweep_ms < 0 or one.since_sweep_ms > _SWEEP_LATE_MS:
        found.append("no worker sweeps: expired texts stay in the store")
    if one.lag_ms > _LAG_LATE_MS:
        found.append("the projector lags: older pages are behind")
    if one.ahead_ms > _CLOCK_BEHIND_MS:
        found.append("the store's clock was set back: messages live too long")
    return found


def _health(health: Health) -> web.Response:
    status = 503 if health.status == "unready" else 200
    headers = {"Retry-After": "1"} if status == 503 else {}
    return json_answer(msgspec.json.encode(health), status=status, headers=headers)
