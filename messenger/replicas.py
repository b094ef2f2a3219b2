"""How many replicas follow a server, as it says itself."""

import re
from collections.abc import Mapping

_REPLICA = re.compile(r"slave\d+")
# One that has not been heard of for so long would confirm nothing now.
_LAG_S = 5


def in_touch(told: Mapping[str, str]) -> int:
    """How many of them would confirm a message now, by INFO replication. One that has been given all and
    has not yet said that it has it, for a second or so after it was taken on, stands at the offset 0."""
    facts = (
        dict(each.split("=", 1) for each in value.split(","))
        for name, value in told.items()
        if _REPLICA.fullmatch(name)
    )
    return sum(
        each["state"] == "online" and int(each["offset"]) > 0 and int(each["lag"]) <= _LAG_S
        for each in facts
    )
