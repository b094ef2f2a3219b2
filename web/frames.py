"""WebSocket: the one encoder of the format (RFC 6455). A server's frames are not masked, so the same
bytes go to every reader."""

from collections.abc import Sequence

from web.live import Live
from web.telling import tell

_FIN, _TEXT, _CLOSE, _PONG = 0x80, 0x1, 0x8, 0xA


def encode(events: Sequence[Live]) -> bytes:
    """Some events, each a message of its own, joined: one write for all of them."""
    return b"".join(map(_message, events))


def pong(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close(code: int | None) -> bytes:
    """The last frame; without a code where the other end gave none."""
    return _frame(_CLOSE, b"" if code is None else code.to_bytes(2, "big"))


def _message(event: Live) -> bytes:
    name, data, entry_id = tell(event)
    if entry_id:
        return _frame(_TEXT, b'{"event":"%b","id":"%b","data":%b}' % (name, entry_id, data))
    return _frame(_TEXT, b'{"event":"%b","data":%b}' % (name, data))


def _frame(kind: int, payload: bytes) -> bytes:
    """A frame with the shortest of the three forms of its length (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return b"%c%c%b" % (_FIN | kind, size, payload)
    if size < 2**16:
        return b"%c%c%b%b" % (_FIN | kind, 126, size.to_bytes(2, "big"), payload)
    return b"%c%c%b%b" % (_FIN | kind, 127, size.to_bytes(8, "big"), payload)
