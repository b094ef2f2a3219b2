"""The same answer again and again over some connections, taken in large reads. wrk reads 8 KB at a time:
with answers of megabytes it would be the limit.

Asked: `port`, `path`, `connections`, `seconds`. Tells how many `answers` came whole, their `rate`, and
`load`.
"""

import re
import select
import socket
import sys
import time

from bench.clients.result import Busy, asked, tell

PIECE = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Connection:
    """Asks anew as soon as an answer has come whole."""

    def __init__(self, port: int, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._left = 0
        self.answers = 0
        self._ask()

    def read(self, into: memoryview) -> None:
        count = self.socket.recv_into(into)
        if not count:
            sys.exit("a connection was cut")
        self._left = (self._left or _size(bytes(into[:count]))) - count
        if self._left == 0:
            self.answers += 1
            self._ask()

    def _ask(self) -> None:
        self.socket.sendall(self._request)


def _size(began: bytes) -> int:
    """The bytes of a whole answer, whose head came in one piece."""
    head, end, _ = began.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    if not (head.startswith(b"HTTP/1.1 200") and end and length):
        sys.exit(f"a list was answered {began[:80]!r}")
    return len(head) + len(end) + int(length[1])


def _run(port: int, path: str, connections: int, seconds: float) -> None:
    epoll, into = select.epoll(), memoryview(bytearray(PIECE))
    busy, began = Busy(), time.monotonic()
    of = {
        each.socket.fileno(): each for each in (Connection(port, path) for _ in range(connections))
    }
    for descriptor in of:
        epoll.register(descriptor, select.EPOLLIN)
    while time.monotonic() - began < seconds:
        for descriptor, _ in epoll.poll(seconds):
            of[descriptor].read(into)
    wall_s, answers = time.monotonic() - began, sum(each.answers for each in of.values())
    tell(answers=answers, rate=answers / wall_s, load=busy.share)


if __name__ == "__main__":
    _run(**asked())
