"""A delivery: one event, handed to a program of somebody, and what it has to know of it."""

from messenger.entries import EntryId
from messenger.events import Event


class Delivery:
    """One event of the log. `expires_at` is in milliseconds since 1970, by the store's clock: keep
    nothing of it for longer. `attempt` is 1 where the event was not tried before, as far as is known.
    `traceparent` (W3C Trace Context) is the span in which it was appended, if that was traced.
    """

    __slots__ = (
        "attempt",
        "event",
        "expires_at",
        "id",
        "is_alone",
        "is_lost",
        "is_settled",
        "partition",
        "read_at",
        "traceparent",
    )

    def __init__(
        self, event: Event, entry_id: EntryId, partition: int, attempt: int, expires_at: int
    ) -> None:
        self.event = event
        self.id = entry_id
        self.partition = partition
        self.attempt = attempt
        self.expires_at = expires_at
        self.traceparent: str | None = None
        # Ours: when it was read, by the event loop's clock; may nothing else be handled beside it; has
        # another consumer taken it over, or was it erased; has the program acked or failed it.
        self.read_at = 0.0
        self.is_alone = False
        self.is_lost = False
        self.is_settled = False

    @property
    def room(self) -> str:
        return self.event.room

    @property
    def key(self) -> str:
        """What tells this event from every other of the store: the key of an effect that must not be
        done twice. An entry id alone does so within its partition only."""
        return f"{self.partition}/{self.id}"

    def __repr__(self) -> str:
        """Without the event: a text must not get into a log by accident."""
        return f"<Delivery {self.key}, attempt {self.attempt}>"
