"""What a role may do nothing of: the store itself refuses it, whatever our code or its invader sends."""

import pytest
import redis

from messenger.keys import PROJECTOR
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, texts
from tests.users import GROUP, url_as

_LOG, _META, _DEAD = KEYS.log, KEYS.meta, KEYS.dead(PROJECTOR)
_NOBODY = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("KEYS", "*"),
    ("SHUTDOWN",),
    ("SAVE",),
    ("BGREWRITEAOF",),
    ("REPLICAOF", "NO", "ONE"),
    ("MONITOR",),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "ID", "1"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "me"),
    ("FUNCTION", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("PUBLISH", "channel", "word"),
    ("DEL", _LOG),
    ("DUMP", _LOG),
    ("RENAME", _LOG, "mine"),
    ("EXPIRE", _LOG, "1"),
    ("XTRIM", _LOG, "MAXLEN", "0"),
    ("XSETID", _LOG, "0-1"),
    ("XGROUP", "DESTROY", _LOG, PROJECTOR),
    ("SET", "mine", "x"),
    ("GET", "mine"),
    ("XADD", "mine", "*", "a", "b"),
    ("SORT", _LOG),
    ("EVAL", "return redis.call('KEYS', '*')", "0"),
    ("EVAL", "return redis.call('FLUSHALL')", "1", _LOG),
    ("EVAL", "return redis.call('GET', 'mine')", "1", _LOG),
)
_FORBIDDEN = {
    "web": (
        ("SCAN", "0"),
        ("XREADGROUP", "GROUP", PROJECTOR, "me", "STREAMS", _LOG, ">"),
        ("XAUTOCLAIM", _LOG, PROJECTOR, "me", "0", "0"),
        ("XADD", _DEAD, "*", "a", "b"),
        ("ZADD", KEYS.room("lobby"), "0", "x"),
        ("UNLINK", _LOG),
        ("UNLINK", _META),
        ("SET", _META, "x"),
    ),
    "worker": (
        ("KEYS", "*"),
        ("XADD", _LOG, "*", "type", "message.posted"),
        ("XADD", _LOG, "MAXLEN", "0", "*", "type", "message.posted"),
        ("SET", KEYS.sent("lobby", "key"), "x"),
        ("GET", KEYS.visitor("x")),
        ("SET", KEYS.visitor("x"), "0"),
        ("GET", KEYS.spoken("lobby")),
    ),
    "operator": (
        ("UNLINK", _LOG),
        ("XADD", _LOG, "*", "type", "message.posted"),
        ("XDEL", _LOG, "0-1"),
        ("XACK", _LOG, PROJECTOR, "0-1"),
        ("XREADGROUP", "GROUP", PROJECTOR, "me", "STREAMS", _LOG, ">"),
        ("GET", KEYS.sent("lobby", "key")),
        ("SET", KEYS.message("0-1"), "x"),
        ("ZADD", KEYS.room("lobby"), "0", "x"),
    ),
    "copy": (
        ("SCAN", "0"),
        ("XREADGROUP", "GROUP", PROJECTOR, "me", "STREAMS", _LOG, ">"),
        ("GET", KEYS.sent("lobby", "key")),
        ("ZADD", KEYS.room("lobby"), "0", "x"),
        ("UNLINK", _LOG),
    ),
    "downstream": (
        ("SCAN", "0"),
        ("XADD", _LOG, "*", "type", "message.posted"),
        ("XDEL", _LOG, "0-1"),
        ("XACK", _LOG, PROJECTOR, "0-1"),
        ("XGROUP", "CREATE", _LOG, "mine", "0"),
        ("XREADGROUP", "GROUP", PROJECTOR, "me", "STREAMS", _LOG, ">"),
        ("XAUTOCLAIM", _LOG, PROJECTOR, "me", "0", "0"),
        ("HSET", _META, "epoch", "x"),
        ("GET", KEYS.secret),
        ("GET", KEYS.message("0-1")),
        ("ZRANGE", KEYS.room("lobby"), "0", "-1"),
        ("XRANGE", _DEAD, "-", "+"),
        ("INFO",),
        ("EVAL", "return 1", "1", _LOG),
        ("EVAL", "return 1", "0"),
    ),
}
_GROUP_FORBIDDEN = (
    ("SCAN", "0"),
    ("XADD", _LOG, "*", "type", "message.posted"),
    ("XDEL", _LOG, "0-1"),
    ("XGROUP", "SETID", _LOG, PROJECTOR, "$"),
    ("XADD", _DEAD, "*", "a", "b"),
    ("XRANGE", _DEAD, "-", "+"),
    ("XRANGE", KEYS.dead(GROUP + "s"), "-", "+"),
    ("XDEL", KEYS.dead(GROUP + "s"), "0-1"),
    ("HSET", KEYS.group(GROUP + "s"), "oldest", "x"),
    ("HGETALL", KEYS.group(PROJECTOR)),
    ("SET", KEYS.done(GROUP + "s", "0-1"), "1"),
    ("GET", KEYS.secret),
    ("HSET", _META, "epoch", "x"),
)


@pytest.mark.parametrize(
    ("role", "group", "forbidden"),
    [
        *((role, None, forbidden) for role, forbidden in _FORBIDDEN.items()),
        ("downstream", GROUP, _GROUP_FORBIDDEN),
    ],
)
def test_a_role_may_do_nothing_else(
    any_store: PrivateStore, role: str, group: str | None, forbidden: tuple[tuple[str, ...], ...]
) -> None:
    """What is not a role's work is refused by the store, and changes nothing."""
    with any_store.client() as admin:
        admin.set("mine", "stays")
        admin.xgroup_create(_LOG, PROJECTOR, "0", mkstream=True)
        add_posted(admin, "0-1", "stays")
        with redis.Redis.from_url(url_as(any_store.url, role, group)) as client:
            for words in (*_NOBODY, *forbidden):
                _is_refused(client, words)
        assert sorted(admin.scan_iter()) == [b"messenger:{0}:log", b"mine"]
        assert texts(admin) == ["stays"]


def _is_refused(client: redis.Redis, words: tuple[str, ...]) -> None:
    with pytest.raises(redis.exceptions.ResponseError) as refusal:
        client.execute_command(*words)
    said = str(refusal.value)
    assert any(word in said for word in ("permission", "can't", "ACL failure")), (words, said)


def test_one_database_is_not_another(any_store: PrivateStore) -> None:
    """A user is kept to the database that it was made for, where the server knows such a rule."""
    with any_store.client() as admin, redis.Redis.from_url(url_as(any_store.url, "web")) as client:
        if "valkey_version" in admin.info("server"):
            _is_refused(client, ("SELECT", "1"))
        else:
            assert client.execute_command("SELECT", "1")
