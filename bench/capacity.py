"""How many processes and servers a load needs: the arithmetic of docs/scaling.md.

    .venv/bin/python -m bench.capacity --readers 1e5 --posts 500 --rooms 2000

Every core is given work for `USE` of its time, for the rest is for bursts and for who is away. The costs
are those of one machine (docs/performance.md, docs/scaling.md); `--cost post_us=80` puts in another.
"""

import argparse
import math
from typing import NamedTuple

USE = 0.6
_SECOND_US = 1_000_000
# The files that a system lets a web process have open.
_FILES = 60_000
_HEARTBEAT_S = 15


class Costs(NamedTuple):
    """Microseconds of one core, bytes of memory. `entry` is what a web process does for each entry of
    the log, whoever posted it; `tail` is what the store does for each process that reads it. `memory`
    is what a web process may take, and `process` what it takes with nothing in it."""

    post_us: float = 100
    entry_us: float = 26
    delivery_us: float = 10
    append_us: float = 40
    project_us: float = 28
    tail_us: float = 2
    worker_us: float = 13
    subscriber_bytes: float = 15_000
    held_bytes: float = 600
    stored_bytes: float = 660
    remembered_mb: float = 34
    process_mb: float = 60
    memory_mb: float = 4_096


class Load(NamedTuple):
    """`posts` a second over all rooms, `window_s` the life of a message. Readers and posts are spread
    evenly over the rooms, but for the hottest, which has `hot` of both."""

    readers: float
    posts: float
    rooms: float = 1_000
    window_s: float = 900
    text_bytes: float = 100
    hot: float = 0.0

    @property
    def deliveries(self) -> float:
        """Messages handed to readers, a second: each to those of its room."""
        even = (1 - self.hot) ** 2 * self.posts * self.readers / max(self.rooms - 1, 1)
        return even + self.hot**2 * self.posts * self.readers if self.hot else self.even

    @property
    def even(self) -> float:
        return self.posts * self.readers / self.rooms


class Plan(NamedTuple):
    """What the load needs. `limit` is what asks for the most web processes."""

    webs: int
    primaries: int
    workers: int
    limit: str
    store_mb: float
    web_mb: float


class CannotBe(Exception):
    """No number of processes does it; says what breaks."""


def plan(load: Load, costs: Costs = Costs()) -> Plan:  # noqa: B008  it is frozen
    """Raises CannotBe where a core that can't be shared is full: each web process reads every entry, a
    room is in one partition, and a partition is at one server."""
    webs, limit = _webs(load, costs)
    per_entry = costs.append_us + costs.project_us + webs * costs.tail_us
    primaries = math.ceil(load.posts * per_entry / (USE * _SECOND_US))
    if load.hot and load.posts * load.hot * per_entry > USE * _SECOND_US:
        most = USE * _SECOND_US / per_entry
        raise CannotBe(f"the hottest room is one partition: it takes {most:,.0f} posts a second")
    workers = math.ceil(load.posts * costs.worker_us / (USE * _SECOND_US))
    messages = load.posts * load.window_s
    return Plan(
        webs=webs,
        primaries=max(primaries, 1),
        workers=max(workers, 1),
        limit=limit,
        store_mb=messages * (costs.stored_bytes + 2 * load.text_bytes) / 2**20,
        web_mb=_web_bytes(load, costs, webs) / 2**20 + costs.process_mb,
    )


def _webs(load: Load, costs: Costs) -> tuple[int, str]:
    """How many web processes, and which of their limits says so."""
    left_us = USE * _SECOND_US - load.posts * costs.entry_us
    if left_us <= 0:
        most = USE * _SECOND_US / costs.entry_us
        raise CannotBe(f"each web process reads every entry: it takes {most:,.0f} posts a second")
    beats_us = load.readers / _HEARTBEAT_S * costs.delivery_us
    work_us = load.posts * costs.post_us + load.deliveries * costs.delivery_us + beats_us
    memory = (costs.memory_mb - costs.process_mb) * 2**20 - _remembered(load, costs)
    if memory <= 0:
        raise CannotBe(
            "each web process remembers the newest messages of every room: "
            f"{_remembered(load, costs) / 2**20:,.0f} MB"
        )
    asked = {
        "its core": work_us / left_us,
        "its connections": load.readers / _FILES,
        "its memory": load.readers * costs.subscriber_bytes / memory,
    }
    limit = max(asked, key=lambda name: asked[name])
    return max(math.ceil(asked[limit]), 1), limit


def _remembered(load: Load, costs: Costs) -> float:
    """Bytes of messages in each process: it remembers a thousand of each room, and up to ten thousand
    while there is room for them."""
    living, each = load.posts * load.window_s, costs.held_bytes + load.text_bytes
    least, most = (min(living, count * load.rooms) * each for count in (1_000, 10_000))
    return max(least, min(most, costs.remembered_mb * 1e6))


def _web_bytes(load: Load, costs: Costs, webs: int) -> float:
    return _remembered(load, costs) + load.readers / webs * costs.subscriber_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description="How many processes and servers a load needs.")
    for name, default in Load(1_000, 10)._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default)
    parser.add_argument("--cost", action="append", default=[], metavar="NAME=NUMBER")
    given = vars(parser.parse_args())
    costs = Costs(**{**Costs()._asdict(), **_costs(parser, given.pop("cost"))})
    try:
        found = plan(Load(**given), costs)
    except CannotBe as error:
        parser.exit(1, f"{error}\n")
    for name, value in found._asdict().items():
        print(f"{name:10} {value:,.0f}" if isinstance(value, float) else f"{name:10} {value}")


def _costs(parser: argparse.ArgumentParser, given: list[str]) -> dict[str, float]:
    found = {}
    for each in given:
        name, _, number = each.partition("=")
        if name not in Costs._fields or not number.replace(".", "", 1).isdigit():
            parser.error(f"--cost {each}: allowed are {', '.join(Costs._fields)}, each =NUMBER")
        found[name] = float(number)
    return found


if __name__ == "__main__":
    main()
