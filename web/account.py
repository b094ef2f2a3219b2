"""What web processes have counted, as one struct that can be told to others and added up."""

import msgspec

from web.rates import KEPT_S


class Took(msgspec.Struct):
    """How long the requests of one route, method and status took: how many fell in each bucket."""

    counts: list[int]
    sum_s: float = 0.0


class Account(msgspec.Struct, kw_only=True):
    """One process's, or the sum of several. `requests` is by "METHOD route status", `deliveries` by
    second of time. The last block is how things are now; of several, the sum of the readers, tasks and
    connections and the worst of the rest. `is_ready`: the feed has caught up with the log; of several,
    that of any."""

    began_s: float
    appends: int = 0
    appended_bytes: int = 0
    streams: int = 0
    slow: int = 0
    refused: dict[str, int] = {}
    requests: dict[str, Took] = {}
    deliveries: dict[int, int] = {}

    subscribers: int = 0
    tasks: int = 0
    connections: int = 0
    connections_limit: int = 0
    tail_lag_s: float = 0.0
    loop_lag_s: float = 0.0
    clock_steps: int = 0
    is_ready: bool = False

    def add(self, other: "Account") -> None:
        """Adds what another has counted; not how it is now, for it may have ended."""
        self.began_s = min(self.began_s, other.began_s)
        self.appends += other.appends
        self.appended_bytes += other.appended_bytes
        self.streams += other.streams
        self.slow += other.slow
        _add(self.refused, other.refused)
        _add(self.deliveries, other.deliveries)
        for second in sorted(self.deliveries)[: -KEPT_S - 1]:
            del self.deliveries[second]
        for name, took in other.requests.items():
            ours = self.requests.setdefault(name, Took([0] * len(took.counts)))
            ours.sum_s += took.sum_s
            ours.counts = [sum(pair) for pair in zip(ours.counts, took.counts, strict=True)]

    def add_now(self, other: "Account") -> None:
        """Adds how another one is now."""
        self.subscribers += other.subscribers
        self.tasks += other.tasks
        self.connections += other.connections
        self.connections_limit += other.connections_limit
        self.tail_lag_s = max(self.tail_lag_s, other.tail_lag_s)
        self.loop_lag_s = max(self.loop_lag_s, other.loop_lag_s)
        self.clock_steps = max(self.clock_steps, other.clock_steps)


class Overall(msgspec.Struct, frozen=True, kw_only=True):
    """All web processes under one supervisor, or the one that has none: their sum, since the first
    began; how many listen to each; `absent` are the numbers of those that can't serve now; `deaths`
    counts the processes that ended unasked."""

    account: Account
    subscribers: dict[int, int]
    absent: list[int] = []
    deaths: int = 0


def _add(to: dict, more: dict) -> None:  # type: ignore[type-arg]
    for key, count in more.items():
        to[key] = to.get(key, 0) + count
