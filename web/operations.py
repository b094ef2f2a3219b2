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
from messenger.errors import SupervisorSilent
from messenger.log import Logs
from messenger.loops import AWAY
from web.answers import json_answer
from web.appkeys import FEED, LOGS, METRICS, PLACE, SETTINGS, STOP
from web.shapes import Health

_ASK_S = 1.0
# The sweeper comes twice a second; texts outlive their time if it stays away.
_SWEEP_LATE_MS = 5_000
_LAG_LATE_MS = 10_000
_CLOCK_BEHIND_MS = 1_000
_TRIMMED_MS = 60_000

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
    if (refusal := _refusal(stats, request.app[SETTINGS].replicas)) is not None:
        return _health(Health("unready", [refusal]))
    is_ready, missing = await _workers(request)
    if not is_ready:
        return _health(Health("unready", ["the feed has not caught up with the log"]))
    problems = missing + [words for one in stats.partitions for words in _dangers(one)]
    return _health(Health("degraded" if problems else "ready", problems))


async def metrics(request: web.Request) -> web.Response:
    """Those of the store, and the sum over all web workers: the same whichever of them is asked."""
    found = request.app[METRICS]
    stats, groups, overall = await asyncio.gather(
        ask(request, read_stats), ask(request, read_group_stats), request.app[PLACE].overall()
    )
    found.store.stats, found.store.groups, found.overall = stats, groups or [], overall
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


async def _workers(request: web.Request) -> tuple[bool, list[str]]:
    """Whether any web worker serves, and what is said of those that don't: the same from each."""
    try:
        overall = await request.app[PLACE].overall()
    except SupervisorSilent as error:
        return request.app[FEED].is_ready, [error.detail]
    missing = [f"web worker {number} does not serve; the others do" for number in overall.absent]
    return overall.account.is_ready, missing


def _refusal(stats: Stats, replicas: int) -> str | None:
    """Why the store takes no posts now, though it answers; reading goes on."""
    if not stats.is_primary:
        return "the store takes no writes: it is a replica"
    if stats.is_full:
        return "the store takes no posts: its memory is full"
    if not stats.is_written:
        return "the store takes no writes: it can't write its file"
    if stats.replicas < replicas:
        return f"no post is accepted: {stats.replicas} of {replicas} replicas follow the store"
    return None


def _dangers(one: PartitionStats) -> list[str]:
    found = []
    if one.since_sweep_ms < 0 or one.since_sweep_ms > _SWEEP_LATE_MS:
        found.append("no worker sweeps: expired texts stay in the store")
    if 0 <= one.since_trim_ms < _TRIMMED_MS:
        found.append("messages were cut before their time: the store is nearly full")
    if one.lag_ms > _LAG_LATE_MS:
        found.append("the projector lags: older pages are behind")
    if one.ahead_ms > _CLOCK_BEHIND_MS:
        found.append("the store's clock was set back: messages live too long")
    return found


def _health(health: Health) -> web.Response:
    status = 503 if health.status == "unready" else 200
    headers = {"Retry-After": "1"} if status == 503 else {}
    return json_answer(msgspec.json.encode(health), status=status, headers=headers)
