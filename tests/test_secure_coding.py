"""What the sources do not do: run data, ask others, make patterns of input, use other cryptography."""

import ast
import re
import tomllib
from collections.abc import Callable

import pytest

from tests.sources import PACKAGES, ROOT, Module, read_modules

# Names that run data, a shell, or make objects of bytes.
_RUNNING = {"eval", "exec", "compile", "__import__", "system", "popen", "from_string"}
_UNSAFE = {"pickle", "marshal", "shelve", "yaml", "subprocess", "jsonpickle", "dill"}
# What connects to something; only to the store may be connected.
_CONNECTING = {
    "open_connection", "open_unix_connection", "create_connection", "create_unix_connection",
    "create_datagram_endpoint", "urlopen",
}  # fmt: skip
# To the store; and web workers and their supervisor to each other, by a socket of their own.
_MAY_CONNECT = {"messenger.address", "web.workers.member", "web.workers.process"}
_CLIENTS = {"urllib.request", "http.client", "ftplib", "smtplib", "telnetlib", "requests", "httpx"}
_CRYPTOGRAPHY = {
    "hashlib.blake2b", "hashlib.sha256", "hashlib.sha1", "hmac", "secrets", "ssl",
}  # fmt: skip
_CRYPTOGRAPHIC = {"hashlib", "hmac", "secrets", "ssl", "cryptography", "Crypto", "nacl"}
# Jitter of waiting, of a stream's `retry`, and which servers of a cluster are asked.
_MAY_USE_CHANCE = {"messenger.loops", "web.sse", "messenger.cluster"}
_JAVASCRIPT = sorted((ROOT / "web" / "static").glob("*.js"))


def _calls(module: Module) -> list[tuple[str, ast.Call]]:
    """Each call by the last part of what is called."""
    found = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [(ast.unparse(call.func).rpartition(".")[2], call) for call in found]


def running(modules: list[Module]) -> list[str]:
    """Calls that run data: `re.compile` is another thing."""
    return [
        f"{module.name}:{call.lineno}"
        for module in modules
        for name, call in _calls(module)
        if name in _RUNNING and ast.unparse(call.func) != "re.compile"
    ]


def unsafe(modules: list[Module]) -> list[str]:
    return [
        f"{module.name} imports {each.target}"
        for module in modules
        for each in module.imports()
        if each.target.partition(".")[0] in _UNSAFE
    ]


def shells(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{call.lineno}"
        for module in modules
        for name, call in _calls(module)
        if name == "create_subprocess_shell" or any(each.arg == "shell" for each in call.keywords)
    ]


def asking(modules: list[Module]) -> list[str]:
    """Connections to anything but the store."""
    clients = [
        f"{module.name} imports {each.target}"
        for module in modules
        for each in module.imports()
        if each.target in _CLIENTS or each.target.endswith("ClientSession")
    ]
    return clients + [
        f"{module.name}:{call.lineno}"
        for module in modules
        for name, call in _calls(module)
        if name in _CONNECTING and module.name not in _MAY_CONNECT
    ]


def patterns(modules: list[Module]) -> list[str]:
    """Patterns that a function makes of a name that is no constant's; what is made once, when the
    program is loaded, is made of nobody's input, and so is a `form`, which is one of a few."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return [
        f"{module.name}:{call.lineno}"
        for module in modules
        for function in ast.walk(module.tree)
        if isinstance(function, functions)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("re.")
        for node in ast.walk(call.args[0])
        if isinstance(node, ast.Name) and not node.id.isupper() and node.id != "form"
    ]


def cryptography(modules: list[Module]) -> list[str]:
    """What of cryptography is used and not listed in docs/security.md."""
    return [
        f"{module.name} uses {used}"
        for module in modules
        for used in _cryptography_of(module)
        if used not in _CRYPTOGRAPHY
    ]


def _cryptography_of(module: Module) -> list[str]:
    imported = {each.target for each in module.imports()}
    used = [each for each in imported if each.partition(".")[0] in _CRYPTOGRAPHIC]
    called = [ast.unparse(call.func) for _, call in _calls(module)]
    of_hashlib = [each.partition("(")[0] for each in called if each.startswith("hashlib.")]
    return [each for each in used if each != "hashlib"] + of_hashlib


def chance(modules: list[Module]) -> list[str]:
    return [
        module.name
        for module in modules
        for each in module.imports()
        if each.target.partition(".")[0] == "random" and module.name not in _MAY_USE_CHANCE
    ]


_RULES: dict[Callable[[list[Module]], list[str]], list[str]] = {
    running: ["eval('1')", "import os\nos.system('ls')", "env.from_string(text)"],
    unsafe: ["import pickle", "from yaml import load"],
    shells: ["run('ls', shell=True)", "asyncio.create_subprocess_shell('ls')"],
    asking: ["import httpx", "import urllib.request", "asyncio.open_connection(host, 80)"],
    patterns: [
        "import re\ndef f(text):\n re.compile(text)",
        "import re\nasync def f():\n re.search(f'a{text}', 'b')",
    ],
    cryptography: ["import hashlib\nhashlib.md5(b'')", "from hashlib import md5", "import nacl"],
    chance: ["import random", "from random import choice"],
}


def assert_kept(rule: Callable[[list[Module]], list[str]]) -> None:
    """The sources keep it, and what breaks it is found."""
    modules = read_modules()
    assert {module.name.partition(".")[0] for module in modules} == set(PACKAGES)
    assert rule(modules) == []
    assert [text for text in _RULES[rule] if not rule([Module("web.x", text)])] == []


def test_nothing_is_run_that_is_data() -> None:
    """No evaluation, no template made of text, no format that makes objects of bytes."""
    assert_kept(running)
    assert_kept(unsafe)


def test_no_shell_is_used() -> None:
    """Programs get their arguments as a list."""
    assert_kept(shells)


def test_nothing_is_asked_of_others() -> None:
    """Nothing connects to anything but the store; traces are sent by their own library, if at all."""
    assert_kept(asking)


def test_no_pattern_is_made_of_input() -> None:
    """Regular expressions are constants."""
    assert_kept(patterns)


def test_only_listed_cryptography_is_used() -> None:
    """What docs/security.md lists, and no other."""
    assert_kept(cryptography)


def test_random_is_for_waiting_alone() -> None:
    """What must not be guessed is made by `secrets`."""
    assert_kept(chance)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-run.lock"])
def test_every_dependency_is_pinned_by_hash(lock: str) -> None:
    """Each library by its version and the hashes of its files, those that we name among them."""
    text = (ROOT / lock).read_text()
    pinned = re.split(r"\n(?=\w)", re.sub(r"^ *#.*\n", "", text, flags=re.M))
    assert [each for each in pinned if not re.match(r"[\w.-]+(\[\w+\])?==", each)] == []
    assert [each for each in pinned if "--hash=sha256:" not in each] == []
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[=\[]", each)[0] for each in pinned}
    assert {re.split(r"[\[>=<;]", each)[0] for each in wanted} <= names


def _in_javascript(pattern: str) -> list[str]:
    return [path.name for path in _JAVASCRIPT if re.search(pattern, path.read_text())]


_LISTENING = (
    r"""(?<!port\.)addEventListener\("message"|(?<!socket\.)onmessage|window\.parent|\bopener\b"""
)
_COMPUTED = (
    r"""[\w)]\[[^\]"'\d][^\]]*\] *(\?\?|\|\|)?=[^=]|__proto__|Object\.assign\([^,]*, *[a-z]"""
)


def test_no_page_listens_to_other_windows() -> None:
    """Messages come by a port to our own shared worker and by our own socket: no window's are read."""
    assert _in_javascript(_LISTENING) == []
    for planted in ('addEventListener("message", f)', "window.onmessage = f", "opener.x"):
        assert re.search(_LISTENING, planted)


def test_no_member_is_set_by_a_name_from_outside() -> None:
    """No object of the page's gets a member whose name was computed."""
    assert _in_javascript(_COMPUTED) == []
    for planted in ("kept[name] = 1", "a[b.c] ??= 2", "x.__proto__", "Object.assign(made, told)"):
        assert re.search(_COMPUTED, planted)
