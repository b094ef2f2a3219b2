"""What this process counts, and what the store tells, in Prometheus's words.

Counters end in _total, units are seconds and bytes. docs/metrics.md explains each; a test compares.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from consumers.groups import GroupStats
from consumers.stats import PartitionStats, Stats
from messenger.errors import StoreFull, StoreUnavailable
from web.latencies import Latencies
from web.tally import Tally

_PREFIX = "messenger_"


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.store = StoreMetrics()
        self.registry.register(self.store)
        self._appends = self._tally("appends", "Messages accepted by this process")
        self._appended_bytes = self._tally(
            "appended_bytes", "Bytes of text and author in accepted messages"
        )
        self._refused = self._counter("refused", "Requests refused, by reason", ["reason"])
        # There from the start: of a counter that is new the first step can't be seen.
        for error in (StoreFull, StoreUnavailable):
            self._refused.labels(error.code)
        self._streams = self._counter("streams", "Live streams begun")
        self._slow = self._counter("slow_subscribers_closed", "Streams cut because unread")
        self._subscribers = self._gauge("subscribers", "Live streams now")
        self._tasks = self._gauge("tasks", "Tasks of the event loop now")
        self._tail_lag = self._gauge("tail_lag_seconds", "Since the tail last heard of the store")
        self._loop_lag = self._gauge("loop_lag_seconds", "How late the event loop's timers are")
        self._clock_steps = self._gauge("clock_steps", "Steps of the store's clock that were seen")
        self.requests = Latencies(_PREFIX + "http_request_seconds", "Time to answer a request")
        self.registry.register(self.requests)

    def appended(self, size: int) -> None:
        self._appends.count += 1
        self._appended_bytes.count += size

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def subscribed(self) -> None:
        self._streams.inc()

    def ended(self, ending: str) -> None:
        if ending == "slow":
            self._slow.inc()

    def loop_lag(self, seconds: float) -> None:
        self._loop_lag.set(seconds)

    def tasks(self, count: int) -> None:
        self._tasks.set(count)

    def feed(self, *, subscribers: int, tail_lag_s: float, clock_steps: int) -> None:
        self._subscribers.set(subscribers)
        self._tail_lag.set(tail_lag_s)
        self._clock_steps.set(clock_steps)

    def _tally(self, name: str, text: str) -> Tally:
        tally = Tally(_PREFIX + name, text)
        self.registry.register(tally)
        return tally

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(_PREFIX + name, text, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(_PREFIX + name, text, registry=self.registry)


_COUNTERS = {
    "projected": "Entries applied to the view, each once",
    "redelivered": "Entries taken over from a projector that stopped",
    "expired_unprocessed": "Entries whose time was over before they were applied",
    "swept": "Entries erased because their time was over",
}
_GAUGES: dict[str, tuple[str, Callable[[PartitionStats], float]]] = {
    "log_entries": ("Entries in the log", lambda one: one.length),
    "projector_lag_entries": ("Entries not yet given to a projector", lambda one: one.lag),
    "projector_lag_seconds": ("Age of the oldest of those", lambda one: one.lag_ms / 1_000),
    "projector_pending_entries": ("Entries given and not applied", lambda one: one.pending),
    "erasure_delay_seconds": (
        "How late the oldest entry of the last sweep was",
        lambda one: one.erasure_delay_ms / 1_000,
    ),
    "since_sweep_seconds": (
        "Since the last sweep; -1: never",
        lambda one: one.since_sweep_ms / 1e3,
    ),
    "clock_behind_seconds": (
        "How far the store's clock is behind its newest id",
        lambda one: one.ahead_ms / 1_000,
    ),
}
_GROUP_GAUGES: dict[str, tuple[str, Callable[[GroupStats], float]]] = {
    "group_lag_entries": ("Entries not yet given to the group", lambda one: one.lag),
    "group_lag_seconds": ("Age of the oldest of those", lambda one: one.lag_ms / 1_000),
    "group_pending_entries": ("Entries given and not acked", lambda one: one.pending),
    "dead_letters": ("Entries that the group could not handle", lambda one: one.dead_letters),
}


class StoreMetrics:
    """The store's figures as of the last look; none while it is away. They are the same from every
    process, for the scripts count in the store itself. Those of groups are asked for apart."""

    def __init__(self) -> None:
        self.stats: Stats | None = None
        self.groups: list[GroupStats] = []

    def collect(self) -> Iterable[Metric]:
        stats = self.stats
        up = GaugeMetricFamily(_PREFIX + "store_up", "Whether the store answers")
        up.add_metric([], 0 if stats is None else 1)
        yield up
        if stats is not None:
            yield from _store(stats)
            yield from _partitions(stats.partitions)
            yield from _groups(self.groups)


def _store(stats: Stats) -> Iterable[Metric]:
    for name, text, value in (
        ("store_memory_bytes", "Memory that the store uses", stats.used_memory),
        ("store_memory_limit_bytes", "The store's maxmemory; 0: none", stats.max_memory),
        ("store_written", "Whether the store's last write to disk went well", stats.is_written),
        ("store_rewritten", "Whether its last rewrite of the file did", stats.is_rewritten),
    ):
        gauge = GaugeMetricFamily(_PREFIX + name, text)
        gauge.add_metric([], value)
        yield gauge


def _partitions(partitions: list[PartitionStats]) -> Iterable[Metric]:
    for name, text in _COUNTERS.items():
        counter = CounterMetricFamily(_PREFIX + name, text, labels=["partition"])
        for one in partitions:
            counter.add_metric([str(one.partition)], getattr(one, name))
        yield counter
    for name, (text, read) in _GAUGES.items():
        gauge = GaugeMetricFamily(_PREFIX + name, text, labels=["partition"])
        for one in partitions:
            gauge.add_metric([str(one.partition)], read(one))
        yield gauge


def _groups(groups: list[GroupStats]) -> Iterable[Metric]:
    for name, (text, read) in _GROUP_GAUGES.items():
        gauge = GaugeMetricFamily(_PREFIX + name, text, labels=["group", "partition"])
        for one in groups:
            gauge.add_metric([one.group, str(one.partition)], read(one))
        yield gauge
