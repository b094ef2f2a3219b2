"""Who is asking: an address, believed only as far as trusted proxies tell it."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from web.visitors import Visitors

SECRET = b"s" * 32
PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))
PROXY, NEAR_PROXY = "10.0.0.1", "10.9.9.9"
READER, OTHER = "203.0.113.7", "198.51.100.9"


def name(peer: str, *forwarded: str, trusted: Sequence[object] = PROXIES) -> str:
    """What a request from `peer` with these X-Forwarded-For headers is known by."""
    headers = CIMultiDict([("X-Forwarded-For", field) for field in forwarded])
    request = make_mocked_request("POST", "/", headers=headers).clone(remote=peer)
    return Visitors(tuple(trusted)).of(request, SECRET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        (READER, [], READER),
        (READER, [OTHER], READER),
        (PROXY, [], PROXY),
        (PROXY, [READER], READER),
        (PROXY, [f"{OTHER}, {READER}"], READER),
        (PROXY, [f"{READER}, {NEAR_PROXY}"], READER),
        (PROXY, [f"{OTHER},{READER},{NEAR_PROXY}, {PROXY}"], READER),
        (PROXY, [OTHER, READER], READER),
        (PROXY, [READER, NEAR_PROXY], READER),
        (PROXY, [f"{OTHER}, {READER}", f"{NEAR_PROXY}"], READER),
        (PROXY, [f"  {READER}  "], READER),
        (PROXY, [f"{NEAR_PROXY}, {PROXY}"], NEAR_PROXY),
        (PROXY, [", ".join([OTHER] * 999 + [READER])], READER),
        (PROXY, [", ".join([READER] + [NEAR_PROXY] * 999)], READER),
        ("2001:db8:1::5", [READER], READER),
        ("::ffff:10.0.0.1", [READER], READER),
        (PROXY, ["2001:db8:2::7"], "2001:db8:2::7"),
    ],
)
def test_a_visitor_is_the_nearest_address_that_is_no_proxy(
    peer: str, forwarded: list[str], seen: str
) -> None:
    """Only a trusted proxy is asked who its client is, from the right; what stands left of that
    anybody may have written."""
    assert name(peer, *forwarded) == name(seen)


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("unknown", PROXY),
        (f"{READER}, unknown", PROXY),
        (f"{READER}, _hidden, {NEAR_PROXY}", NEAR_PROXY),
        ("", PROXY),
        (",", PROXY),
        (f"{READER},", PROXY),
        (f"{READER}, \x00é💥", PROXY),
        (f"{READER} {OTHER}", PROXY),
        ("999.1.1.1", PROXY),
    ],
)
def test_what_is_no_address_ends_the_walk(forwarded: str, seen: str) -> None:
    """Behind a hop that tells no address nothing is believed: the proxy itself is the visitor."""
    assert name(PROXY, forwarded) == name(seen)


def test_without_trusted_proxies_the_header_is_nothing() -> None:
    """Who writes the header himself gains nothing."""
    forged = [name(READER, f"{OTHER}, {number}.1.1.1", trusted=()) for number in range(1, 20)]
    assert set(forged) == {name(READER, trusted=())}


def test_a_forger_behind_a_proxy_stays_one_visitor() -> None:
    """Whatever a client writes left of what the proxy adds, it stays the same visitor."""
    forged = [name(PROXY, f"{number}.1.1.1, {READER}") for number in range(1, 20)]
    assert set(forged) == {name(READER)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:2:3::1", "2001:db8:2:3:ffff:ffff:ffff:ffff"),
        ("2001:db8:2:3::1", "2001:0DB8:2:3:0:0:0:1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "::ffff:cb00:7107"),
        ("fe80::1%eth0", "fe80::2%eth0"),
    ],
)
def test_one_household_is_one_visitor(one: str, other: str) -> None:
    """The addresses of an IPv6 /64 are one visitor, and so are the spellings of one address."""
    assert name(one) == name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (READER, OTHER),
        ("2001:db8:2:3::1", "2001:db8:2:4::1"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8"),
    ],
)
def test_two_households_are_two_visitors(one: str, other: str) -> None:
    """Nobody is slowed down by a stranger."""
    assert name(one) != name(other)


def test_a_name_tells_no_address() -> None:
    """The store is told a keyed hash: without the secret no address can be tried against it."""
    request = make_mocked_request("POST", "/").clone(remote=READER)
    visitors = Visitors(())
    mine, other = visitors.of(request, SECRET), visitors.of(request, b"t" * 32)
    assert mine != other
    assert READER not in mine
    assert len(mine) == 24


def test_a_request_without_an_address_has_a_visitor() -> None:
    """A connection that tells no address, as on a unix socket, is one visitor like any other."""
    assert name("") == name("", READER)
