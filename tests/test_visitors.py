"""Who is asking: how far a forwarded address is believed."""

import ipaddress

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from web.visitors import Visitors

SECRET = b"the store's secret"
PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/8", "192.168.7.7/32", "fd00::/8")


def request_of(peer: str, *forwarded: str) -> web.BaseRequest:
    headers = CIMultiDict([("X-Forwarded-For", field) for field in forwarded])
    return make_mocked_request("POST", "/", headers).clone(remote=peer)


def visitor(
    peer: str, *forwarded: str, trusted: tuple[str, ...] = TRUSTED, secret: bytes = SECRET
) -> str:
    """The visitor of a request from `peer` with these X-Forwarded-For fields."""
    networks = tuple(map(ipaddress.ip_network, trusted))
    return Visitors(networks).of(request_of(peer, *forwarded), secret)


def test_a_visitor_is_an_address() -> None:
    """The same address is the same visitor, another address another."""
    assert visitor("203.0.113.5") == visitor("203.0.113.5")
    assert visitor("203.0.113.5") != visitor("203.0.113.6")


@pytest.mark.parametrize("peer", ["203.0.113.5", "2001:db8::1"])
def test_an_address_is_not_to_be_seen(peer: str) -> None:
    """What the store keeps of a visitor is one short word, which only this store's secret makes."""
    name = visitor(peer)
    assert peer not in name
    assert len(name) == 24
    assert name.isalnum()
    assert name != visitor(peer, secret=b"another secret")


@pytest.mark.parametrize(
    ("peer", "trusted"), [("203.0.113.5", TRUSTED), (PROXY, ()), ("192.168.7.8", TRUSTED)]
)
def test_a_stranger_s_word_is_not_believed(peer: str, trusted: tuple[str, ...]) -> None:
    """Who is no trusted proxy can't pretend to be somebody else."""
    assert visitor(peer, "198.51.100.1", trusted=trusted) == visitor(peer, trusted=trusted)


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        (PROXY, ["198.51.100.1"], "198.51.100.1"),
        ("192.168.7.7", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        (PROXY, ["198.51.100.1, 10.0.0.3,10.0.0.2"], "198.51.100.1"),
        (PROXY, ["  198.51.100.1  ,\t10.0.0.2 "], "198.51.100.1"),
        # The left part is what the visitor sent.
        (PROXY, ["8.8.8.8, 198.51.100.1"], "198.51.100.1"),
        (PROXY, ["8.8.8.8, 10.9.9.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        # Repeated fields are one list (RFC 9110, 5.3).
        (PROXY, ["8.8.8.8", "198.51.100.1"], "198.51.100.1"),
        (PROXY, ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        # Everybody is trusted: the farthest of them.
        (PROXY, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # Some proxies write the port too.
        (PROXY, ["198.51.100.1:1234, 10.0.0.2:80"], "198.51.100.1"),
        (PROXY, ["[2001:db8::5]:443"], "2001:db8::5"),
        # What is no address ends the walk.
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["198.51.100.1, unknown"], PROXY),
        (PROXY, ["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        (PROXY, ["_hidden, 10.0.0.2"], "10.0.0.2"),
        (PROXY, [""], PROXY),
        (PROXY, ["198.51.100.1,"], PROXY),
        (PROXY, ["198.51.100.999"], PROXY),
        (PROXY, [], PROXY),
        # An IPv4 address in an IPv6 socket is itself.
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (PROXY, ["::ffff:198.51.100.1"], "198.51.100.1"),
        (PROXY, ["198.51.100.1, ::ffff:10.0.0.2"], "198.51.100.1"),
    ],
)
def test_the_nearest_address_that_no_proxy_has(peer: str, forwarded: list[str], who: str) -> None:
    """The list is read from the right, where trusted proxies write, up to the first that is none."""
    assert visitor(peer, *forwarded) == visitor(who, trusted=())


@pytest.mark.parametrize("hops", [1_000, 20_000])
def test_a_long_list_is_walked_only_as_far_as_it_is_believed(hops: int) -> None:
    """A list of a thousand forged hops changes nothing."""
    forged = ", ".join(["8.8.8.8"] * hops)
    assert visitor(PROXY, f"{forged}, 198.51.100.1") == visitor("198.51.100.1")
    believed = ", ".join(["10.0.0.2"] * hops)
    assert visitor(PROXY, f"198.51.100.1, {believed}") == visitor("198.51.100.1")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:0DB8:1:2::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.5", "203.0.113.5", True),
        ("::ffff:203.0.113.5", "::ffff:203.0.113.6", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_household_is_one_visitor(one: str, other: str, is_same: bool) -> None:
    """An IPv6 network of 64 bits is one visitor; an IPv4 address is one, however it is written."""
    assert (visitor(one) == visitor(other)) is is_same
    assert (visitor(PROXY, one) == visitor(PROXY, other)) is is_same


@pytest.mark.parametrize(
    ("peer", "forwarded", "site"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        (PROXY, ["198.51.100.1"], "198.51.100.1"),
        (PROXY, [], None),
        (PROXY, ["unknown"], None),
        (PROXY, ["10.0.0.3"], None),
        ("127.0.0.1", [], None),
        ("::1", [], None),
        ("::ffff:127.0.0.1", [], None),
        ("", [], None),
    ],
)
def test_whose_connections_are_counted(peer: str, forwarded: list[str], site: str | None) -> None:
    """Those of a visitor's address or network; of this machine, and of a proxy that names nobody,
    nobody's."""
    networks = tuple(map(ipaddress.ip_network, TRUSTED))
    assert Visitors(networks).site_of(request_of(peer, *forwarded)) == site


@pytest.mark.parametrize("peer", ["", "not an address"])
def test_a_peer_without_an_address_is_somebody(peer: str) -> None:
    """On a unix socket there is no address: all who come so are one visitor."""
    assert visitor(peer) == visitor(peer, "198.51.100.1")


def test_a_request_without_a_connection_is_somebody() -> None:
    """A peer that is gone already makes no crash."""
    request: web.Request = make_mocked_request("POST", "/")
    assert len(Visitors(()).of(request, SECRET)) == 24


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=4))
def test_no_field_crashes_it(fields: list[str]) -> None:
    """Whatever stands in the field, there is a visitor."""
    assert len(visitor(PROXY, *fields)) == 24
