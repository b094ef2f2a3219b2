"""The URLs of stores of several servers."""

import pytest

from messenger.address import Address, parse_group
from messenger.errors import BadSettings
from messenger.settings import load


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://a:7000",
        "redis+cluster://a,b:7001,[::1]:7002/",
        "rediss+cluster://user:word@a:7000?ssl_ca_certs=/ca.pem&ssl_check_hostname=false",
        "redis+sentinel://a/chat",
        "redis+sentinel://user:word@a:26379,b/chat.main/2",
        "rediss+sentinel://a/chat?sentinel_username=u&sentinel_password=w",
    ],
)
def test_what_is_allowed_is_taken(url: str) -> None:
    """Each form of a cluster's and of a group's URL is a setting."""
    assert load({"store_url": url}).store_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("redis+cluster://", "redis+cluster://a,", "redis+cluster://a:0", "redis+cluster://a:x"),
        *("redis+cluster://a/1", "redis+cluster://a?db=1", "redis+cluster://a?read_from=b"),
        *("redis+cluster://a?sentinel_password=w", "redis+cluster://u@", "redis+cluster:///x"),
        *("redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a/chat/x"),
        *("redis+sentinel:///chat", "redis+sentinel://a/two words", "redis+sentinel://a/c/1/2"),
        *("unix+cluster:///socket", "redis+ring://a", "redis+://a", "+cluster://a"),
    ],
)
def test_what_is_not_allowed_is_refused(url: str) -> None:
    """A URL that names no server, or asks for what there is not, is a wrong setting."""
    with pytest.raises(BadSettings, match="redis\\+cluster:// and some of its servers"):
        load({"store_url": url})


def test_no_password_is_shown() -> None:
    """A URL that is refused is shown without the store's password and without the sentinels'."""
    url = "redis+sentinel://user:sesame@a/two words?sentinel_password=sesame&db=1"
    with pytest.raises(BadSettings) as refused:
        load({"store_url": url})
    assert "sesame" not in str(refused.value)
    assert "redis+sentinel://" in str(refused.value)


def test_the_servers_of_a_cluster_are_greeted_alike() -> None:
    """User, password and TLS hold for the servers that are named, and for those that they name."""
    group = parse_group("rediss+cluster://user:word@a:7000,[::1]?ssl_cert_reqs=none")
    assert [each.name for each in group.asked] == ["a:7000", "[::1]:6379"]
    learnt = group.asked[0].at("c", 7001)
    for each in (*group.asked, learnt):
        assert each.greeting()[0] == ("AUTH", "user", "word")
        context = each.tls()
        assert context is not None
        assert not context.check_hostname


def test_sentinels_have_credentials_of_their_own() -> None:
    """The store's go to the store only, with the database; sentinels get theirs, or none."""
    group = parse_group("redis+sentinel://user:word@a,b:5000/chat/2?sentinel_password=other")
    assert [each.name for each in group.asked] == ["a:26379", "b:5000"]
    assert group.name == "chat"
    greetings = [each.greeting() for each in group.asked]
    assert greetings == [[("AUTH", "other"), ("CLIENT", "SETNAME", "messenger-pipe")]] * 2
    store = group.store.at("c", 6379, is_told=True).greeting()
    assert store[:2] == [("AUTH", "user", "word"), ("SELECT", 2)]
    assert store[-1] == ("HELLO",)


def test_a_name_in_a_certificate_may_go_unchecked() -> None:
    """`ssl_check_hostname=false` is heeded, and the certificate itself is checked all the same."""
    context = Address.parse("rediss://a?ssl_check_hostname=false").tls()
    assert context is not None
    assert not context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
