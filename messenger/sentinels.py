"""Which server is the primary, as sentinels tell it.

All of them are asked: of several answers the one of the highest config epoch is the newest, so that a
sentinel that is cut off from the others does not mislead us. The server itself is asked, too, whether it
is a primary (redis.io/docs, guidelines for Sentinel clients).
"""

from typing import NamedTuple

from messenger.address import Address, Group
from messenger.errors import StoreUnfit
from messenger.inquiry import Inquiry, soon
from messenger.pipe import Pipe
from messenger.replies import Rejected, Reply
from messenger.where import Fixed, Server

# Errors that say that this server is the primary no more.
_DEMOTED = ("READONLY ", "MASTERDOWN ", "UNBLOCKED force")


class _Told(NamedTuple):
    epoch: int
    primary: tuple[str, int]
    replicas: list[tuple[str, int]]


class Sentinels:
    """The primary of a group."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._inquiry = Inquiry(self._ask)

    async def find(self) -> Address:
        return self._address((await self._inquiry.known()).primary)

    def doubt(self, at: Address, reply: str = "") -> bool:
        is_demoted = reply.startswith(_DEMOTED)
        if is_demoted or not reply:
            self._inquiry.doubt()
        return is_demoted

    async def servers(self) -> list[Server]:
        """The primary, then its replicas."""
        told = await self._inquiry.asked()
        replicas = [self._group.store.at(*each) for each in sorted(told.replicas)]
        return [
            Server(self._address(told.primary)),
            *(Server(each, is_primary=False) for each in replicas),
        ]

    def _address(self, place: tuple[str, int]) -> Address:
        return self._group.store.at(*place, is_told=True)

    async def _ask(self) -> _Told:
        told = await soon(_tell(each, self._group.name) for each in self._group.asked)
        return max(told, key=lambda each: each.epoch)


async def _tell(sentinel: Address, name: str) -> _Told:
    """What one sentinel says of the group."""
    pipe = Pipe(Fixed(sentinel))
    try:
        address, primary, replicas = await pipe.once(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name),
            ("SENTINEL", "MASTER", name),
            ("SENTINEL", "REPLICAS", name),
        )
    except Rejected as error:
        raise StoreUnfit(
            f"the sentinel at {sentinel.name} knows no {name!r} ({error}); "
            "allowed: redis+sentinel://host:port,.../NAME, with a name that it watches"
        ) from None
    finally:
        await pipe.close()
    return _Told(
        int(_fact(primary, b"config-epoch")),
        _place(address),
        [(_fact(each, b"ip").decode(), int(_fact(each, b"port"))) for each in replicas],
    )


def _fact(flat: Reply, name: bytes) -> Reply:
    return flat[flat.index(name) + 1]


def _place(told: Reply) -> tuple[str, int]:
    host, port = told
    return host.decode(), int(port)
