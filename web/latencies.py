"""How long requests took, as Prometheus histograms.

Counted by hand: prometheus-client's own histogram takes two locks and walks its buckets, 3 us of a
request that takes 40 in all. What is told of it is the library's again.
"""

from bisect import bisect_left

from prometheus_client.core import HistogramMetricFamily, Metric

from web.account import Took

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class RouteLatencies:
    """One route's histograms, one for each status; `every` has those of all routes by name."""

    def __init__(self, method: str, route: str, every: dict[str, Took]) -> None:
        self._name = f"{method} {route}"
        self._every = every
        self._by_status: dict[int, Took] = {}

    def observe(self, status: int, seconds: float) -> None:
        took = self._by_status.get(status)
        if took is None:
            took = self._by_status[status] = Took([0] * (len(_BOUNDS_S) + 1))
            self._every[f"{self._name} {status}"] = took
        took.sum_s += seconds
        took.counts[bisect_left(_BOUNDS_S, seconds)] += 1


class Latencies:
    """Histograms by route, method and status. Routes go by their pattern, never by what was asked
    for: a name of somebody's choice is not a label."""

    def __init__(self) -> None:
        # By "METHOD route status".
        self.every: dict[str, Took] = {}

    def route(self, method: str, route: str) -> RouteLatencies:
        return RouteLatencies(method, route, self.every)


def histograms(name: str, text: str, requests: dict[str, Took]) -> Metric:
    """Latencies that were read, in Prometheus's words."""
    family = HistogramMetricFamily(name, text, labels=["route", "method", "status"])
    for each, took in requests.items():
        method, route, status = each.split(" ")
        family.add_metric([route, method, status], _buckets(took), took.sum_s)
    return family


def _buckets(took: Took) -> list[tuple[str, float]]:
    """Cumulative, as the format wants them."""
    total, found = 0, []
    for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), took.counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
