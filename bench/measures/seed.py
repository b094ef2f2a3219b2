"""The seed's system: a post, a list of a hundred messages, and one of ten thousand."""

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import redis

from bench import filling, load, ours
from bench.errors import BenchError
from bench.ours import Served
from bench.peers.seed import seed
from bench.rounds import Effort, interleaved
from bench.rows import Row, Sample, at_least, row

_AGAINST = "the seed: Nameko, RabbitMQ, KEYS"
_ROOM = "/api/rooms/lobby/messages"
_CONNECTIONS = 16
_PAGE = 100
_LONG_MS = 3_600_000
_TEXT = "x" * 100
_POST = json.dumps({"message": _TEXT})


def measure(effort: Effort) -> Iterator[Row]:
    few, many = 100, min(10_000, effort.events)
    with ExitStack() as stack:
        web = stack.enter_context(ours.up(stack.enter_context(ours.folder()), window="1h"))
        them = stack.enter_context(seed())
        pairs = interleaved(
            effort,
            lambda s: load.wrk_posts(web.url + _ROOM, s, connections=_CONNECTIONS),
            lambda s: load.wrk_posts(_messages(them), s, body=_POST, connections=_CONNECTIONS),
        )
        yield row("post, 16 connections", _AGAINST, "rate", "/s", pairs, at_least(25))
    with ExitStack() as stack:
        web = stack.enter_context(ours.up(stack.enter_context(ours.folder()), window="1h"))
        them = stack.enter_context(seed())
        _fill(web, them, few)
        pairs = interleaved(
            effort,
            lambda s: _pages(f"{web.url}{_ROOM}?limit={_PAGE}", s),
            lambda s: _pages(_messages(them), s),
        )
        yield row(f"list of {few}", _AGAINST, "rate", "/s", pairs, at_least(250))
        _fill(web, them, many - few)
        whole = f"{_ROOM}?limit={many}"
        _require(web.url + whole, many)
        pairs = interleaved(
            effort,
            lambda s: load.lists(web.port, whole, s, connections=_CONNECTIONS),
            lambda _: _one(_messages(them)),
        )
        path = f"list of {many:,}"
        yield row(f"{path}, whole", _AGAINST, "rate", "/s", pairs, at_least(2_000))
        pairs = interleaved(
            effort, lambda s: _pages(web.url + _ROOM, s), lambda _: _one(_messages(them))
        )
        yield row(f"{path}, its newest page", _AGAINST, "rate", "/s", pairs, at_least(2_000))


def _messages(them: Served) -> str:
    return f"{them.url}/messages"


def _pages(url: str, seconds: float) -> Sample:
    return load.wrk(url, seconds, connections=_CONNECTIONS)


def _one(url: str) -> Sample:
    """One list alone: it may take seconds."""
    began = time.monotonic()
    with urllib.request.urlopen(url) as answer:
        json.load(answer)
    return {"rate": 1 / (time.monotonic() - began)}


def _require(url: str, count: int) -> None:
    """That one answer has them all."""
    with urllib.request.urlopen(url) as answer:
        found = len(json.load(answer)["messages"])
    if found != count:
        raise BenchError(f"a list has {found} messages, and not {count}")


def _fill(web: Served, them: Served, count: int) -> None:
    """So many more messages in both, which outlive the measurement."""
    with redis.Redis.from_url(web.store) as client:
        filling.append(client, count, room="lobby", life_ms=_LONG_MS)
        filling.wait_projected(client)
    with redis.Redis.from_url(them.store) as client, client.pipeline(transaction=False) as pipeline:
        for _ in range(count):
            pipeline.set(uuid.uuid4().hex, _TEXT, px=_LONG_MS)
        pipeline.execute()
