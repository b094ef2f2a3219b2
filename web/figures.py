"""The figures of the operators' page: those of the store, and those that the feed counts by itself."""

import asyncio
from collections import Counter

import msgspec
from aiohttp import web

from consumers.groups import GroupStats
from consumers.stats import Stats, read_group_stats, read_stats
from messenger.errors import StoreUnavailable
from web.answers import json_answer
from web.appkeys import FEED, PLACE
from web.feed import Feed
from web.operations import ask
from web.queries import number_of
from web.rates import KEPT_S
from web.tokens import require_operator

_encode = msgspec.json.Encoder().encode


class Figures(msgspec.Struct, frozen=True):
    """Times are milliseconds, `now` by the store's clock.

    `ages` are the messages that live, by when they were posted: [when a slot begins, how many], each of
    `slot` ms. `seconds` are [when, posts, deliveries] of each whole second, `erased` [room, id] of each
    message that was erased before its time. `subscribers` and deliveries are the sum over all web
    workers under one supervisor, `tail_lag_ms` the worst of them. `store` is null while it does not
    answer.
    """

    now: int
    window: int
    slot: int
    ages: list[tuple[int, int]]
    seconds: list[tuple[int, int, int]]
    erased: list[tuple[str, str]]
    subscribers: int
    tail_lag_ms: int
    store: Stats | None


class Groups(msgspec.Struct, frozen=True):
    """`lag` is counted up to ten thousand."""

    now: int
    groups: list[GroupStats]


async def figures(request: web.Request) -> web.Response:
    """What there is to see now; with `after`, a time in ms, only the seconds and erasures after it."""
    require_operator(request)
    after = number_of(request, "after", 0)
    store, overall = await asyncio.gather(ask(request, read_stats), request.app[PLACE].overall())
    feed, account = request.app[FEED], overall.account
    now = feed.clock.now()
    window = max(partition.window for partition in feed.partitions)
    found = Figures(
        now=now,
        window=window,
        slot=feed.partitions[0].counted.occupancy.slot,
        ages=_ages(feed, now - window),
        seconds=_seconds(
            feed,
            account.deliveries,
            range(max(after // 1_000 + 1, now // 1_000 - KEPT_S), now // 1_000),
        ),
        erased=[gone for each in feed.partitions for gone in each.counted.erasures.after(after)],
        subscribers=account.subscribers,
        tail_lag_ms=int(account.tail_lag_s * 1_000),
        store=store,
    )
    return json_answer(_encode(found))


async def groups(request: web.Request) -> web.Response:
    """Each group on each partition. They are asked for apart: counting takes longer for those that are
    behind."""
    require_operator(request)
    found = await ask(request, read_group_stats)
    if found is None:
        raise StoreUnavailable("the store did not tell of its groups within a second")
    return json_answer(_encode(Groups(request.app[FEED].clock.now(), found)))


def _ages(feed: Feed, horizon_ms: int) -> list[tuple[int, int]]:
    found: Counter[int] = Counter()
    for partition in feed.partitions:
        found.update(partition.counted.occupancy.read(horizon_ms))
    return sorted(found.items())


def _seconds(feed: Feed, deliveries: dict[int, int], seconds: range) -> list[tuple[int, int, int]]:
    """Each whole second; the one that is not over yet is not asked for."""
    return [
        (
            second * 1_000,
            sum(partition.counted.rates.posts.get(second, 0) for partition in feed.partitions),
            deliveries.get(second, 0),
        )
        for second in seconds
    ]
