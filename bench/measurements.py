"""All measurements by the name that ONLY takes, in the order of the table."""

from collections.abc import Callable, Iterator

from bench.measures import fanout, growth, page, post, projector, replay, seed, start
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
