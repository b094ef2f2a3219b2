"""What the web processes count, and what the store tells, in Prometheus's words.

Counters end in _total, units are seconds and bytes. docs/metrics.md explains each; a test compares.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from consumers.groups import GroupStats
from consumers.stats import PartitionStats, Stats
from messenger.errors import Overloaded, StoreFull, StoreUnavailable, Unconfirmed
from web.account import Account, Overall
from web.capacity import Capacity
from web.feed import Feed
from web.latencies import Latencies, histograms

_PREFIX = "messenger_"


class Metrics:
    """What this process counts. `overall` is what is told: all web workers' sum as of the last look."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.store = StoreMetrics()
        self.registry.register(self.store)
        # There from the start: of a counter that is new the first step can't be seen.
        refused = dict.fromkeys(
            (error.code for error in (StoreFull, StoreUnavailable, Unconfirmed, Overloaded)), 0
        )
        self.requests = Latencies()
        self.capacity = Capacity(0)
        self._own = Account(began_s=time.time(), refused=refused, requests=self.requests.every)
        self.overall = Overall(account=self._own, subscribers={1: 0})
        self.registry.register(self)

    def appended(self, size: int) -> None:
        self._own.appends += 1
        self._own.appended_bytes += size

    def refused(self, reason: str) -> None:
        self._own.refused[reason] = self._own.refused.get(reason, 0) + 1

    def subscribed(self) -> None:
        self._own.streams += 1

    def ended(self, ending: str) -> None:
        if ending == "slow":
            self._own.slow += 1

    def loop_lag(self, seconds: float) -> None:
        self._own.loop_lag_s = seconds

    def account(self, feed: Feed) -> Account:
        """This process's account as of now. It goes on changing: it is told on at once, or copied."""
        own, now = self._own, asyncio.get_running_loop().time()
        own.deliveries = {}
        for partition in feed.partitions:
            for second, count in partition.counted.rates.deliveries.items():
                own.deliveries[second] = own.deliveries.get(second, 0) + count
        own.subscribers = len(feed.subscribers)
        own.connections, own.connections_limit = self.capacity.open, self.capacity.most
        own.tasks = len(asyncio.all_tasks())
        own.tail_lag_s = max(now - partition.heard_at for partition in feed.partitions)
        own.clock_steps = feed.clock.steps
        own.is_ready = feed.is_ready
        return own

    def collect(self) -> Iterable[Metric]:
        yield from _counted(self.overall.account)
        yield from _now(self.overall)


_COUNTED: tuple[tuple[str, str, Callable[[Account], float]], ...] = (
    ("appends", "Messages accepted", lambda one: one.appends),
    ("appended_bytes", "Bytes of text and author in them", lambda one: one.appended_bytes),
    ("streams", "Live streams begun", lambda one: one.streams),
    ("slow_subscribers_closed", "Streams cut because unread", lambda one: one.slow),
)
_NOW: tuple[tuple[str, str, Callable[[Account], float]], ...] = (
    ("subscribers", "Live streams now", lambda one: one.subscribers),
    ("tasks", "Tasks of the event loop now", lambda one: one.tasks),
    ("connections", "Connections now, of every kind", lambda one: one.connections),
    ("connections_limit", "The most connections that fit", lambda one: one.connections_limit),
    ("tail_lag_seconds", "Since the slowest tail heard of the store", lambda one: one.tail_lag_s),
    ("loop_lag_seconds", "How late the event loop's timers are", lambda one: one.loop_lag_s),
    ("clock_steps", "Steps of the store's clock that were seen", lambda one: one.clock_steps),
)


def _counted(account: Account) -> Iterable[Metric]:
    for name, text, read in _COUNTED:
        counter = CounterMetricFamily(_PREFIX + name, text, labels=[])
        counter.add_metric([], read(account), created=account.began_s)
        yield counter
    refused = CounterMetricFamily(
        _PREFIX + "refused", "Requests refused, by reason", labels=["reason"]
    )
    for reason, count in account.refused.items():
        refused.add_metric([reason], count, created=account.began_s)
    yield refused
    yield histograms(_PREFIX + "http_request_seconds", "Time to answer a request", account.requests)


def _now(overall: Overall) -> Iterable[Metric]:
    for name, text, read in _NOW:
        gauge = GaugeMetricFamily(_PREFIX + name, text)
        gauge.add_metric([], read(overall.account))
        yield gauge
    workers = GaugeMetricFamily(_PREFIX + "web_workers", "Web workers that serve now")
    workers.add_metric([], len(overall.subscribers))
    yield workers
    deaths = CounterMetricFamily(
        _PREFIX + "web_worker_deaths", "Web workers that ended unasked", labels=[]
    )
    deaths.add_metric([], overall.deaths, created=overall.account.began_s)
    yield deaths
    each = GaugeMetricFamily(
        _PREFIX + "web_worker_subscribers", "Live streams of each", labels=["worker"]
    )
    for number, subscribers in sorted(overall.subscribers.items()):
        each.add_metric([str(number)], subscribers)
    yield each


_COUNTERS = {
    "projected": "Entries applied to the view, each once",
    "redelivered": "Entries taken over from a projector that stopped",
    "expired_unprocessed": "Entries whose time was over before they were applied",
    "swept": "Entries erased because their time was over",
    "trimmed": "Entries cut before their time",
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
