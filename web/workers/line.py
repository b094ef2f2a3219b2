"""The line between the supervisor and a worker: structs on a socket of their own, each way.

Each is sent as its length (4 bytes, big-endian) and itself in MessagePack. Whoever sees the line end
knows that the other has ended, however it did.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from web.account import Account, Overall

_HEAD = 4
# The other end stands still and does not read: what is not asked for is not sent then.
_UNREAD = 65_536


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From a worker: it serves."""


class Told(msgspec.Struct, frozen=True, tag=True):
    """From a worker: its account; as the answer to Tell with its number, or by itself with 0."""

    account: Account
    answers: int = 0


class Ask(msgspec.Struct, frozen=True, tag=True):
    """From a worker: what have all of you counted? With its own account."""

    number: int
    account: Account


class Tell(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor: what have you counted?"""

    number: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor, to the Ask with this number."""

    number: int
    overall: Overall


class Cover(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor: the workers whose connections to take as well, and no others'."""

    numbers: list[int]


class Leave(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor: another has taken your place; take leave without haste."""


Message = Ready | Told | Ask | Tell | Answer | Cover | Leave

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


class Line(asyncio.Protocol):
    """One end. `take` is given each message; `ended` is set once the other end is gone."""

    def __init__(self, take: Callable[[Message], None], ended: asyncio.Event) -> None:
        self.ended = ended
        self._take = take
        self._came = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none by their class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while len(self._came) >= _HEAD:
            end = _HEAD + int.from_bytes(self._came[:_HEAD], "big")
            if len(self._came) < end:
                break
            message = _decode(self._came[_HEAD:end])
            del self._came[:end]
            self._take(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.ended.set()

    @property
    def is_read(self) -> bool:
        """Whether the other end reads what is sent."""
        return self._transport is not None and self._transport.get_write_buffer_size() < _UNREAD

    def send(self, message: Message) -> None:
        """To an end that is gone nothing is sent."""
        if self._transport is not None:
            raw = _encode(message)
            self._transport.write(len(raw).to_bytes(_HEAD, "big") + raw)

    def close(self) -> None:
        """Closes once all is sent."""
        if self._transport is not None:
            self._transport.close()
