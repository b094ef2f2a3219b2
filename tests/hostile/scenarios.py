"""What is done to a messenger, and the bounds of what the others may feel of it and what it may cost."""

from typing import NamedTuple

# The others' 99th percentile may be so many times what it was before, or so long, if that is more: the
# processors are two, the crowd has its part of them, and so has other work.
TIMES, MS = 3.0, 250.0
# Where all come or leave in one moment, that moment takes so long for each.
EACH_MS = 0.3
# Memory that the process may take in any case.
FREE_MB = 40
# All who were cut by a restart are back within this: three seconds by their own waits, and the rest for
# taking them on.
BACK_S = 15.0


class Scenario(NamedTuple):
    """`kib` is what one connection may cost the web process. `closed_s`: by then every connection has
    been closed by the other end. `then`: the process is restarted, or they all leave in one moment.
    `padding`: characters in each of the others' posts."""

    name: str
    title: str
    kind: str
    count: int
    kib: int
    seconds: float = 10.0
    processes: int = 1
    padding: int = 100
    closed_s: float | None = None
    then: str = ""


_LONG = 1_900

SCENARIOS = (
    Scenario("deaf", "streams and sockets that never read", "deaf", 200, 600, 25, padding=_LONG),
    Scenario(
        "unread", "30 pages asked for, none read", "unread", 100, 2_048, 65, 1, _LONG, closed_s=65
    ),
    Scenario(
        "lists", "whole rooms asked for, none read", "lists", 100, 1_024, 65, 1, _LONG, closed_s=65
    ),
    Scenario("silent", "connections that say nothing", "silent", 1_000, 40, 16, closed_s=15),
    Scenario("head", "half a head, then a byte a second", "head", 1_000, 40, 16, closed_s=15),
    Scenario("body", "half a body, then a byte a second", "body", 1_000, 60, 18, closed_s=15),
    Scenario("frame", "half a frame, then a byte a second", "frame", 1_000, 80),
    Scenario("gone", "opened and left at once, half asked or not", "gone", 20, 200),
    Scenario("idle", "streams that wait", "listen", 10_000, 64, 40, processes=2),
    Scenario("leave", "streams that leave in one moment", "listen", 5_000, 64, then="leave"),
    Scenario("storm", "streams that come back as told", "listen", 5_000, 64, then="restart"),
    Scenario("stampede", "all at once", "listen-at-once", 5_000, 64, then="restart"),
)
