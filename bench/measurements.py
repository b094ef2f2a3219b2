"""All measurements by the name that ONLY takes: the rows of docs/performance.md in their order, and the
tables of docs/scaling.md."""

from collections.abc import Callable, Iterator

from bench.measures import (
    fanout,
    growth,
    page,
    post,
    projector,
    replay,
    scaling,
    seed,
    spread,
    start,
)
from bench.rounds import Effort
from bench.rows import Row

MEASUREMENTS: dict[str, Callable[[Effort], Iterator[Row]]] = {
    "post": post.measure,
    "page": page.measure,
    "events": fanout.events,
    "sockets": fanout.sockets,
    "projector": projector.measure,
    "seed": seed.measure,
    "replay": replay.measure,
    "growth": growth.measure,
    "start": start.measure,
}

TABLES: dict[str, Callable[[Effort], Iterator[str]]] = {
    "spread": spread.spread,
    "web-workers": scaling.web_workers,
    "workers": scaling.workers,
}

# What the paths of their rows begin with.
ORDER = (
    "post",
    "newest page",
    "server-sent",
    "WebSockets",
    "projector",
    "list of",
    "replay",
    "warm start",
)
