"""A post with all that it has: validation, its key, the script, everysec, its own feed reached; only the
visitor's rate is off. Against a bare handler that decodes the same JSON on the same loop."""

from collections.abc import Iterator
from contextlib import ExitStack

from bench import load, ours
from bench.peers.running import bare
from bench.rounds import Effort, interleaved
from bench.rows import Row, Sample, at_least, at_most, row

_PATH = "/api/rooms/lobby/messages"
_RATE = 1_500
_WINDOW = "5m"


def measure(effort: Effort) -> Iterator[Row]:
    with ExitStack() as stack:
        on = stack.enter_context(ours.store())
        web = stack.enter_context(ours.web(on, window=_WINDOW))
        ceiling = stack.enter_context(bare())
        pairs = interleaved(effort, lambda s: _saturated(web, s), lambda s: _saturated(ceiling, s))
        yield row("post, as many as go", "bare handler", "rate", "/s", pairs, at_least(0.80))
        pairs = interleaved(effort, lambda s: _even(web, s), lambda s: _even(ceiling, s))
        title = f"post, p99 at {_RATE:,}/s"
        yield row(title, "bare handler", "p99_ms", "ms", pairs, at_most(3))


def _saturated(served: ours.Served, seconds: float) -> Sample:
    return load.wrk_posts(served.url + _PATH, seconds)


def _even(served: ours.Served, seconds: float) -> Sample:
    return load.posts(served.port, _RATE, seconds)
