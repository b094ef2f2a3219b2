"""What can go wrong, as one tree. A code is stable: programs compare it, docs/errors.md explains it.

MessengerError
├── Refused                     the caller can mend it
│   ├── BadRequest              malformed-json · not-utf8 · bad-query · bad-cursor · bad-id ·
│   │                           bad-room · bad-key · bad-group · bad-consumer
│   ├── BadField                invalid-field · empty-message · too-long · forbidden-character ·
│   │                           invalid-ttl · key-reused
│   ├── BadMedia                unsupported-media-type
│   ├── TooLarge                too-large
│   ├── TooSlow                 request-timeout
│   ├── CrossOrigin             cross-origin
│   ├── UpgradeRequired         upgrade-required
│   ├── NotAllowed              not-allowed
│   ├── NotFound                message-not-found · group-not-found · letter-not-found
│   ├── Gone                    message-expired · message-erased · message-trimmed · entry-gone
│   ├── TooFast                 too-fast · room-too-fast · too-many-rooms
│   └── TooManyConnections      too-many-connections
├── Unavailable                 not now: try again
│   ├── StoreUnavailable        store-unavailable
│   │   ├── Repartitioning      repartitioning
│   │   └── Unconfirmed         unconfirmed
│   ├── StoreFull               store-full
│   ├── Overloaded              overloaded
│   ├── Stopping                stopping
│   └── SupervisorSilent        supervisor-silent
├── Undone                      a command's work could not be done to its end
│   ├── OutputFailed            output-exists · output-failed
│   ├── LogReset                log-reset
│   ├── RebuildRunning          rebuild-running
│   ├── RebuildLost             rebuild-lost
│   ├── Repartitioned           repartitioned
│   └── RepartitionLost         repartition-lost
└── Unfit                       the start is refused: the operator can mend it
    ├── BadSettings             bad-settings
    ├── StoreHeld               store-held
    ├── StoreMissing            store-missing
    └── StoreUnfit              store-unfit
"""

from typing import ClassVar

from messenger.standing import Standing


class MessengerError(Exception):
    """One sentence that names what is wrong and what is allowed, with a stable code.

    `facts` are further members for a program: numbers and names, never a message's text.
    """

    code: str = "error"

    def __init__(self, detail: str, *, code: str | None = None, **facts: str | int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.facts = facts


class Refused(MessengerError):
    """The caller asked for something that is not allowed."""


class BadRequest(Refused):
    code = "bad-request"


class BadField(Refused):
    code = "invalid-field"


class BadMedia(Refused):
    code = "unsupported-media-type"


class TooLarge(Refused):
    code = "too-large"


class TooSlow(Refused):
    code = "request-timeout"


class CrossOrigin(Refused):
    code = "cross-origin"


class UpgradeRequired(Refused):
    code = "upgrade-required"


class NotAllowed(Refused):
    code = "not-allowed"


class NotFound(Refused):
    code = "message-not-found"


class Gone(Refused):
    code = "message-expired"


class TooFast(Refused):
    """`retry_after` is in seconds, rounded up; `standing` is that of the limit that was met."""

    code = "too-fast"

    def __init__(
        self,
        detail: str,
        standing: Standing | None = None,
        *,
        retry_after: int,
        code: str | None = None,
    ) -> None:
        super().__init__(detail, code=code, retry_after=retry_after)
        self.retry_after = retry_after
        self.standing = standing


class TooManyConnections(Refused):
    """One visitor has as many open as are allowed; `retry_after` is in seconds."""

    code = "too-many-connections"
    retry_after: ClassVar[int] = 10


class Unavailable(MessengerError):
    """The store, or this process, can't do it now. `retry_after` is in seconds."""

    retry_after: ClassVar[int] = 1


class StoreUnavailable(Unavailable):
    code = "store-unavailable"


class Repartitioning(StoreUnavailable):
    """The store has, or is just getting, another number of partitions than the process knows of."""

    code = "repartitioning"


class Unconfirmed(StoreUnavailable):
    """The store took it, or would, and too few replicas say that they have it."""

    code = "unconfirmed"


class StoreFull(Unavailable):
    code = "store-full"
    retry_after = 5


class Overloaded(Unavailable):
    """The process has as many connections as it can take."""

    code = "overloaded"
    retry_after = 5


class Stopping(Unavailable):
    """The process is about to end; another, or the next, takes the request."""

    code = "stopping"


class SupervisorSilent(Unavailable):
    """The web workers' supervisor does not say what the others count: a part is not told as the sum."""

    code = "supervisor-silent"


class Undone(MessengerError):
    """A command's work was not done, or not to its end; its words say what there is of it."""


class OutputFailed(Undone):
    """What should be written can't be, or would overwrite something."""

    code = "output-failed"


class LogReset(Undone):
    """The log began anew while it was read: what is left of the earlier history is nowhere."""

    code = "log-reset"


class RebuildRunning(Undone):
    """Another rebuild or repartition is at work, or died just now: two would work on each other's."""

    code = "rebuild-running"


class RebuildLost(Undone):
    """The store has forgotten some of the rebuild's work, or it was away for longer than its lease."""

    code = "rebuild-lost"


class Repartitioned(Undone):
    """The store got another number of partitions while its logs were read."""

    code = "repartitioned"


class RepartitionLost(Undone):
    """A repartition that could not be done, or brought to its end: the store serves as it did before, or
    the new number is in force and a worker goes on."""

    code = "repartition-lost"


class Unfit(MessengerError):
    """The process can't start, or can't go on, as it is set up."""


class BadSettings(Unfit):
    code = "bad-settings"


class StoreHeld(Unfit):
    code = "store-held"


class StoreMissing(Unfit):
    code = "store-missing"


class StoreUnfit(Unfit):
    code = "store-unfit"
