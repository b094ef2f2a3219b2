"""Where a store is now: asked at each connect, for a failover or a move puts it elsewhere."""

from typing import NamedTuple, Protocol

from messenger.address import Address


class Where(Protocol):
    async def find(self) -> Address:
        """The server to be connected to. Raises StoreUnavailable while there is none."""
        ...

    def doubt(self, at: Address, reply: str = "") -> bool:
        """A server has answered with this error, or its connection was lost; whether the reply means
        that another server is to be asked."""
        ...


class Fixed(NamedTuple):
    """A server that is where it is."""

    address: Address

    async def find(self) -> Address:
        return self.address

    def doubt(self, at: Address, reply: str = "") -> bool:
        return False


class Server(NamedTuple):
    """One of a store's servers; `slots` are the cluster's that it has, as ranges with both ends, and
    `replicas` is how many servers follow it there."""

    address: Address
    is_primary: bool = True
    slots: tuple[tuple[int, int], ...] = ()
    replicas: int = 0
