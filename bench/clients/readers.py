"""Many readers of one stream in one process: server-sent events or a WebSocket, by epoll.

Asked: `port`, `path`, `readers`, `format` (`sse` or `socket`).
Prints a line when all listen. Then, at each line on its standard input, what came since the line before:
`deliveries`, `p99_ms` from the time in the text (posts.py) until it was read, `load`, `cut` connections.
Of what comes in one piece only the last text is timed.
"""

import contextlib
import os
import select
import socket
import sys
import time
from array import array

from bench.clients.result import Busy, asked, percentile, tell

_MARK = b"@@"
_DIGITS = 16
_PIECE = 1 << 18
_HELLO_S = 30.0
_PONG = b"\x8a\x80\0\0\0\0"


class Readers:
    def __init__(self, port: int, path: str, readers: int, format: str) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._last = bytearray(1 << 16)  # of each connection whether a mark may be cut in two
        self.deliveries = self.cut = 0
        self.took = array("q")
        self.heard: set[int] = set()
        for _ in range(readers):
            reader = _opened(port, path, format)
            self._sockets[reader.fileno()] = reader
            self._epoll.register(reader, select.EPOLLIN)
        self._epoll.register(sys.stdin, select.EPOLLIN)

    def wait(self) -> bool:
        """Reads what there is; whether something came on standard input."""
        is_asked = False
        for descriptor, _ in self._epoll.poll():
            if descriptor == 0:
                is_asked = True
            else:
                self._read(descriptor)
        return is_asked

    def wait_heard(self) -> None:
        """Until each has been answered: from then on it listens."""
        until = time.monotonic() + _HELLO_S
        while len(self.heard) < len(self._sockets):
            if time.monotonic() > until:
                sys.exit("not all readers were answered")
            self.wait()

    def say_alive(self) -> None:
        """Who says nothing is pinged, and cut. A pong may come unasked (RFC 6455, 5.5.3)."""
        for reader in self._sockets.values():
            with contextlib.suppress(OSError):
                reader.sendall(_PONG)

    def _read(self, descriptor: int) -> None:
        try:
            piece = self._sockets[descriptor].recv(_PIECE)
        except ConnectionError:
            piece = b""
        if descriptor not in self.heard:
            self.heard.add(descriptor)
            if not piece.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
                sys.exit(f"a reader was answered {piece[:40]!r}")
        if not piece:
            self.cut += 1
            self._epoll.unregister(descriptor)
            return
        self.deliveries += piece.count(_MARK)
        if self._last[descriptor] and piece.startswith(b"@") and not piece.startswith(_MARK):
            self.deliveries += 1
        self._last[descriptor] = piece.endswith(b"@") and not piece.endswith(_MARK)
        at = piece.rfind(_MARK)
        stamp = piece[at + 2 : at + 2 + _DIGITS]
        if at >= 0 and len(stamp) == _DIGITS:
            self.took.append(time.monotonic_ns() // 1_000 - int(stamp))


def _opened(port: int, path: str, format: str) -> socket.socket:
    reader = socket.create_connection(("127.0.0.1", port))
    fields = "Accept: text/event-stream"
    if format == "socket":
        fields = (
            # The key of the example in RFC 6455, 1.3.
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        )
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n\r\n".encode())
    return reader


def _run(port: int, path: str, readers: int, format: str) -> None:
    all_readers = Readers(port, path, readers, format)
    all_readers.wait_heard()
    print("all listen", flush=True)
    busy = Busy()
    while True:
        if not all_readers.wait():
            continue
        if not os.read(0, 64):
            return
        tell(
            deliveries=all_readers.deliveries,
            p99_ms=percentile(all_readers.took, 0.99) / 1e3,
            load=busy.share,
            cut=all_readers.cut,
        )
        if format == "socket":
            all_readers.say_alive()
        all_readers.deliveries, all_readers.took, busy = 0, array("q"), Busy()


if __name__ == "__main__":
    _run(**asked())
