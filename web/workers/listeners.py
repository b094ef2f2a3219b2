"""The sockets that web workers listen on: one each on the same port, held by the supervisor.

With SO_REUSEPORT the kernel spreads connections evenly over the sockets that listen; over one socket
that all accept from, one of four workers gets from 1 to 283 of 400 connections (docs/scaling.md). What
that costs elsewhere it does not cost here: a connection that waits at a socket when its worker ends is
not lost, for the supervisor holds the socket open and the next worker takes it from there.
"""

import contextlib
import errno
import os
import socket
import sys

from messenger.errors import BadSettings
from messenger.settings import Settings

# Elsewhere the kernel gives all connections to one of such sockets; there all workers share one.
SPREADS = sys.platform == "linux"
# More than aiohttp's 128: a restart brings everybody back at once, and a worker's share waits here while
# another is started in its place. So many, where the system lets them.
BACKLOG = 1_024
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def open_listeners(settings: Settings, count: int) -> list[list[socket.socket]]:
    """For each worker its sockets, one for each address of the host; bound, and none listens yet.
    Raises BadSettings where the address can't be had."""
    try:
        by_address = _by_address(settings.host, settings.port, count)
    except OSError as error:
        raise refused(settings, error) from None
    return [list(of_one) for of_one in zip(*by_address, strict=True)]


def refused(settings: Settings, error: OSError) -> BadSettings:
    return BadSettings(
        f"MESSENGER_HOST and MESSENGER_PORT are {settings.host!r} and {settings.port}: "
        f"{error.strerror or error}; allowed: an address of this machine and a free port"
    )


def address_of(name: tuple[str, int]) -> str:
    """The URL of a socket's own name."""
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _by_address(host: str, port: int, count: int) -> list[list[socket.socket]]:
    """For each address of the host a socket for each worker. One that the machine does not have, as
    `::1` of `localhost` without IPv6, is passed over where there is another."""
    names = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[list[socket.socket]] = []
    error = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for family, _, _, _, address in dict.fromkeys(names):
        try:
            made.append(_at(family, (address[0], port, *address[2:]), count))
        except OSError as failure:
            error = failure
            if failure.errno not in _NOT_HERE:
                raise
        else:
            # A free port is taken once, for all addresses.
            port = made[-1][0].getsockname()[1]
    if not made:
        raise error
    return made


def _at(family: int, address: tuple[str | int, ...], count: int) -> list[socket.socket]:
    first = _bound(family, address, is_first=True)
    taken = (address[0], first.getsockname()[1], *address[2:])
    others = [_bound(family, taken) if SPREADS else first.dup() for _ in range(count - 1)]
    return [first, *others]


def _bound(family: int, address: tuple[str | int, ...], *, is_first: bool = False) -> socket.socket:
    """The first one shares the port only once it has it: else two supervisors could have the same."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if is_first:
            made.bind(address)
        with contextlib.suppress(AttributeError):  # not everywhere
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if not is_first:
            made.bind(address)
    except OSError:
        made.close()
        raise
    return made
