"""The newest page of fifty, while another process posts; against a handler that answers a constant."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench import load, ours
from bench.peers.running import bare
from bench.rounds import Effort, interleaved
from bench.rows import Row, at_least, row

_PATH = "/api/rooms/lobby/messages"
_WRITES = 500


def measure(effort: Effort) -> Iterator[Row]:
    with ExitStack() as stack:
        on = stack.enter_context(ours.store())
        web = stack.enter_context(ours.web(on, window="5m"))
        ceiling = stack.enter_context(bare())
        writer = stack.enter_context(load.client("appends", store=on.url, rate=_WRITES))
        writer.line()
        time.sleep(100 / _WRITES)  # more than a page
        pairs = interleaved(
            effort,
            lambda seconds: load.wrk(web.url + _PATH, seconds, connections=32),
            lambda seconds: load.wrk(ceiling.url + _PATH, seconds, connections=32),
        )
    title = f"newest page of 50, {_WRITES} posts a second going on"
    yield row(title, "constant handler", "rate", "/s", pairs, at_least(0.95))
