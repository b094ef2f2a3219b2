"""The port of several web workers: one socket for each of them, of this supervisor alone."""

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from messenger.errors import BadSettings
from messenger.settings import Settings
from web.workers.listeners import BACKLOG, SPREADS, address_of, open_listeners

Make = Callable[..., Settings]


@contextlib.contextmanager
def _opened(settings: Settings, count: int) -> Iterator[list[list[socket.socket]]]:
    made = open_listeners(settings, count)
    try:
        yield made
    finally:
        for each in chain(*made):
            each.close()


def test_each_worker_has_its_socket_on_the_same_port(settings: Make) -> None:
    """A free port is taken once; the address is that of all."""
    with _opened(settings(), 3) as made:
        assert len({each.fileno() for each in chain(*made)}) == 3
        (address,) = {address_of(each.getsockname()) for each in chain(*made)}
        assert address.startswith("http://127.0.0.1:")


def test_a_name_is_served_on_its_addresses(settings: Make) -> None:
    """`localhost` is served on each of its addresses that the machine has, all on one port."""
    with _opened(settings(host="localhost"), 2) as made:
        hosts = {each.getsockname()[0] for each in made[0]}
        assert hosts <= {"127.0.0.1", "::1"}
        assert {each.getsockname()[0] for each in made[1]} == hosts
        assert len({each.getsockname()[1] for each in chain(*made)}) == 1


@pytest.mark.parametrize("with_workers", [True, False], ids=["of workers", "of one process"])
def test_a_port_that_is_taken_is_refused(settings: Make, *, with_workers: bool) -> None:
    """Nobody else is let in beside, not even another supervisor, whose sockets could share the port."""
    with contextlib.ExitStack() as stack:
        if with_workers:
            holder = stack.enter_context(_opened(settings(), 2))[0][0]
        else:
            holder = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = holder.getsockname()[1]
        holder.listen()
        with pytest.raises(BadSettings, match=f"and {port}: .*a free port"):
            open_listeners(settings(port=str(port)), 2)


def test_an_address_of_another_machine_is_refused(settings: Make) -> None:
    """So is a name that nobody knows."""
    for host in ("192.0.2.1", "nobody.invalid"):
        with pytest.raises(BadSettings, match="an address of this machine"):
            open_listeners(settings(host=host), 2)


@pytest.mark.skipif(not SPREADS, reason="only Linux spreads connections over such sockets")
def test_connections_are_spread_evenly(settings: Make) -> None:
    """Of 400 connections each of four sockets gets its share, within what chance allows: fewer than 50
    of an expected 100 would come once in a hundred million times."""
    with _opened(settings(), 4) as made, contextlib.ExitStack() as stack:
        for each in chain(*made):
            each.listen(BACKLOG)
        for _ in range(400):
            stack.enter_context(socket.create_connection(made[0][0].getsockname()))
        got: Counter[int] = Counter()
        for number, (listener,) in enumerate(made):
            with contextlib.suppress(BlockingIOError):
                while True:
                    stack.enter_context(listener.accept()[0])
                    got[number] += 1
        assert sum(got.values()) == 400
        assert min(got[number] for number in range(4)) > 50
