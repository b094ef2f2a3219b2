"""messenger/roles.py against the sources: nothing that we send is missing there, and nothing more is."""

import ast
import re
from collections.abc import Iterator

import pytest

from messenger.keys import Keys, ViewKeys
from messenger.right import Right
from messenger.rights import _CONTAINERS, _KEY
from messenger.roles import ROLES, rights_of
from tests.sources import PACKAGES, ROOT, read_modules

_IN_LUA = re.compile(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?")
# What runs beside the embedded store, as its owner.
_OWNERS = ("messenger.supervisor", "messenger.rewriter")
# What `messenger acl` sends, as the store's administrator.
_ADMINISTRATORS = {
    "ACL SETUSER",
    "ACL GETUSER",
    "ACL SAVE",
    "COMMAND INFO",
    "COMMAND GETKEYSANDFLAGS",
}
# A connection begins with these (messenger/address.py), or redis-py sends them.
_BY_THE_CLIENT = {"ACL DRYRUN", "CLIENT SETNAME", "CLIENT SETINFO", "SELECT"}
# What a user may never have, so that the check of the store asks first.
_ASKED_FIRST = {"CONFIG GET"}
# What sentinels are asked; a store knows none of it.
_SENTINELS = ("messenger.sentinels",)
# Words given as a variable, and what a client does of its own.
_NO_COMMANDS = {"", "ACLOSE"}


def _named(word: str, then: object) -> str:
    return f"{word} {then}" if word in _CONTAINERS else word


def _in_scripts() -> set[str]:
    texts = [path.read_text() for name in PACKAGES for path in (ROOT / name).glob("lua/*.lua")]
    return {_named(*found) for text in texts for found in _IN_LUA.findall(text)}


def _sent(node: ast.AST) -> Iterator[str]:
    """The commands that a call sends: a pipe's by their words, redis-py's by the method's name."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "partial":
        # A call that is put off.
        if isinstance(node.args[0], ast.Attribute) and node.args[0].attr == "call":
            yield _worded(node.args[1:])
        return
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr == "call":
        yield _worded(node.args)
    elif node.func.attr in ("once", "send"):
        yield from (_worded(each.elts) for each in node.args if isinstance(each, ast.Tuple))
    elif ast.unparse(node.func.value).endswith(("client", "_client")):
        yield node.func.attr.upper().replace("_", " ", 1)


def _worded(words: list[ast.expr]) -> str:
    """The command that the words begin with; empty where they are not written out."""
    found = [each.value if isinstance(each, ast.Constant) else "" for each in words]
    first, then = (*found, "", "")[:2]
    return _named(first.decode() if isinstance(first, bytes) else str(first), then)


def _in_python() -> set[str]:
    return {
        command
        for module in read_modules()
        if module.name not in _OWNERS + _SENTINELS
        for node in ast.walk(module.tree)
        for command in _sent(node)
    }


def _command(right: Right) -> str:
    words = right.call.split(" ")
    return _named(*words[:2]) if len(words) > 1 else words[0]


def _allowed() -> set[str]:
    return {_command(right) for role in ROLES if role != "downstream" for right in ROLES[role]}


def test_what_the_scripts_send_is_in_the_table() -> None:
    """Each command of a Lua script is some role's right: also on paths that no test takes."""
    found = _in_scripts()
    assert {"XADD", "XGROUP CREATE", "ZREMRANGEBYLEX"} <= found
    programs = {_command(right) for right in rights_of("downstream", "mine")}
    assert found - _allowed() - programs == set()


def test_what_our_code_sends_is_in_the_table() -> None:
    """Each command that Python sends is some role's right."""
    found = _in_python()
    assert {"XREADGROUP", "XREAD", "EVALSHA", "INFO", "XINFO CONSUMERS", "HMGET"} <= found
    assert found - _allowed() - _ASKED_FIRST - _NO_COMMANDS - _ADMINISTRATORS == set()


def test_the_table_has_nothing_that_nobody_sends() -> None:
    """No role has a right that no source of ours needs."""
    assert _allowed() - _in_python() - _in_scripts() - _BY_THE_CLIENT == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_right_has_its_keys_and_its_reason(role: str) -> None:
    """A right names kinds of keys that there are, and says what it is for."""
    of_methods = {name for kind in (Keys, ViewKeys) for name in vars(kind)}
    kinds = {name for name in of_methods if not name.startswith("_")} | set(vars(Keys(0)))
    for right in rights_of(role, "mine" if role == "downstream" else None):
        assert right.reason
        for kind in _KEY.findall(right.call):
            assert kind.partition(":")[0] in kinds, right


def test_a_command_without_a_right_is_found() -> None:
    """The search finds what is sent in each of the ways that our code has."""
    source = """
await pipe.call("XDUMMY", key)
await pipe.once(("XTUPLE", key), ("XINFO", "THINGS", key))
await pipe.call(b"XBYTES", key)
await log.store.client.xmethod_name(key)
await patiently(partial(pipe.call, "XLATER", key))
"""
    found = {command for node in ast.walk(ast.parse(source)) for command in _sent(node)}
    assert found == {"XDUMMY", "XTUPLE", "XINFO THINGS", "XBYTES", "XMETHOD NAME", "XLATER"}
