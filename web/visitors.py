"""Who is asking: an address, believed only as far as the proxies that are trusted, kept as a hash."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from aiohttp import web

from messenger.log import Facts
from messenger.values import Network

_IPV6_SITE = 64
_KNOWN = 4_096
# Some proxies write a port behind the address: `198.51.100.1:1234`, `[2001:db8::1]:1234`.
_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[^\]]*\]):\d{1,5}")


class Visitors:
    """Tells visitors apart; `secret` keeps their addresses out of the store."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._name = lru_cache(_KNOWN)(_name)

    def of(self, request: web.BaseRequest, secret: bytes) -> str:
        """The same short word for the same visitor."""
        return self._name(self._peer_of(request), secret)

    def site_of(self, request: web.BaseRequest) -> str | None:
        """The visitor's address, or its network of IPv6; None for who has no address of a visitor:
        this machine itself, or a proxy that is trusted and names nobody."""
        peer = self._peer_of(request)
        address = _address(peer)
        if address is None or address.is_loopback or self._is_trusted(peer):
            return None
        return _site(address)

    def _peer_of(self, request: web.BaseRequest) -> str:
        peer = request.remote or ""
        if self._trusted:
            peer = self._forwarded(peer, request.headers.getall("X-Forwarded-For", ()))
        return peer

    def by(self, request: web.Request, facts: Facts | None) -> str:
        """The same with a partition's facts; empty while there are none."""
        return "" if facts is None else self.of(request, facts.secret)

    def trusts(self, request: web.Request) -> bool:
        """Whether a request comes by a proxy that is trusted."""
        return self._is_trusted(request.remote or "")

    def _forwarded(self, peer: str, fields: Iterable[str]) -> str:
        """The nearest address that no trusted proxy has: read from the right, where the proxies
        write; what stands left of it anybody may have written."""
        hops = [hop.strip() for field in fields for hop in field.split(",")]
        while self._is_trusted(peer) and hops:
            nearest = _without_port(hops.pop())
            if _address(nearest) is None:
                break
            peer = nearest
        return peer

    def _is_trusted(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(
            address in network for network in self._trusted if network.version == address.version
        )


def _without_port(hop: str) -> str:
    found = _WITH_PORT.fullmatch(hop)
    return (found[1] if found else hop).strip("[]")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _site(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """One IPv6 household has 2^64 addresses, and is one visitor."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_SITE), strict=False))
    return str(address)


def _name(peer: str, secret: bytes) -> str:
    address = _address(peer)
    peer = peer if address is None else _site(address)
    return blake2b(peer.encode(errors="replace"), key=secret, digest_size=12).hexdigest()
