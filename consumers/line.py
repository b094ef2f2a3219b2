"""A delivery as a line of JSON, for programs in any language."""

import msgspec

from consumers.delivery import Delivery
from messenger import lines
from messenger.entries import Entry


def encode(delivery: Delivery) -> bytes:
    """The event's line, as it is everywhere, with `key` and `attempt`, in one line."""
    event = msgspec.to_builtins(lines.of(Entry(delivery.id, delivery.event)))
    return msgspec.json.encode({**event, "key": delivery.key, "attempt": delivery.attempt}) + b"\n"
