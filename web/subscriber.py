"""One live connection: history, then live, through one gate into a bounded buffer."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

from web.live import Farewell, Live

# What a reader may leave unread before it is cut: a few hundred messages. It resumes by its id.
SLOW_BYTES = 256 * 1024

Encode = Callable[[Sequence[Live]], bytes]
Ending = Literal["slow", "restart", "unavailable", "left"]


class Sink(Protocol):
    """Where the bytes go: never waits, tells how many are not yet taken."""

    @property
    def write(self) -> Callable[[bytes], None]: ...
    @property
    def unread(self) -> Callable[[], int]: ...
    @property
    def is_closing(self) -> Callable[[], bool]: ...


class Subscriber:
    """Live frames wait behind the gate until `open`; then they go straight to the sink. What is sent
    before it opens goes past the gate.

    Nobody ever waits for a reader: one that has too much unread is ended as `slow`.
    """

    def __init__(self, encode: Encode, sink: Sink) -> None:
        self.encode = encode
        self._write, self._unread, self._is_closing = sink.write, sink.unread, sink.is_closing
        self._waiting: list[bytes] | None = []
        self._waiting_bytes = 0
        self._has_begun = False
        # How many are here, as it was told last; None until its hello is made.
        self.here: int | None = None
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        return self._waiting is None and not self.ended.done()

    def deliver(self, frames: bytes) -> None:
        if self.ended.done():
            return
        if self._waiting is not None:
            self._hold(frames)
        elif self._is_closing():
            self.end("left")
        elif self._unread() > SLOW_BYTES:
            self.end("slow")
        else:
            self._write(frames)

    def send(self, events: Sequence[Live]) -> None:
        """Sends what comes before the gate opens."""
        self._has_begun = True
        if not self.ended.done():
            self._write(self.encode(events))

    def open(self) -> None:
        """History has been sent: what came meanwhile follows, and from now on all goes through."""
        self._has_begun = True
        waiting, self._waiting = self._waiting or [], None
        if waiting:
            self.deliver(b"".join(waiting))

    def end(self, ending: Ending) -> None:
        """Ends the stream, for its handler to close; a reader that is still there is told why, unless
        it was sent nothing yet: before its beginning nothing may be written."""
        if self.ended.done():
            return
        if ending != "left" and self._has_begun and not self._is_closing():
            self._write(self.encode([Farewell(ending)]))
        self.ended.set_result(ending)

    def _hold(self, frames: bytes) -> None:
        assert self._waiting is not None
        self._waiting.append(frames)
        self._waiting_bytes += len(frames)
        if self._waiting_bytes > SLOW_BYTES:
            self.end("slow")


def hand_out(events: Sequence[Live], to: Iterable[Subscriber]) -> None:
    """Hands events to subscribers, encoded once for each format."""
    encoded: dict[Encode, bytes] = {}
    for subscriber in to:
        frames = encoded.get(subscriber.encode)
        if frames is None:
            frames = encoded[subscriber.encode] = subscriber.encode(events)
        subscriber.deliver(frames)
