"""The house's rules, read off the sources: what may import what, and what a file may hold."""

import ast
import graphlib
import re
import subprocess
from collections.abc import Callable

import pytest

from tests.sources import PACKAGES, ROOT, Import, Module, is_in, read_modules

_BELOW = {"messenger": ("consumers", "web"), "consumers": ("web",), "web": ()}
_SPEAK_TO_THE_STORE = {
    "messenger.connection",
    "messenger.loops",
    "messenger.address",
    "messenger.rewriter",
}
_SAY_NOTHING = {"utils", "util", "helpers", "helper", "manager", "base", "common"}
_LONGEST_FILE, _LONGEST_FUNCTION = 300, 50
# Made from pieces: this file is looked through too.
_OF_THIS_MACHINE = ("/wo" + "rk/", "/ro" + "ot/")
_REGISTRIES = (
    "pypi" + ".org",
    "files.python" + "hosted",
    "registry.npm" + "js",
    "deb.debi" + "an.org",
)


def _wrong_imports(modules: list[Module], is_wrong: Callable[[Module, Import], bool]) -> list[str]:
    return [
        f"{module.name}:{each.line} imports {each.target}"
        for module in modules
        for each in module.imports()
        if is_wrong(module, each)
    ]


def imports_up(modules: list[Module]) -> list[str]:
    def is_wrong(module: Module, each: Import) -> bool:
        above = _BELOW[module.name.partition(".")[0]]
        if not any(is_in(each.target, package) for package in above):
            return False
        return not (is_in(module.name, "messenger.cli") and each.is_late)

    return _wrong_imports(modules, is_wrong)


def imports_the_command_line(modules: list[Module]) -> list[str]:
    def is_wrong(module: Module, each: Import) -> bool:
        may = is_in(module.name, "messenger.cli") or module.name == "messenger.__main__"
        return is_in(each.target, "messenger.cli") and not may

    return _wrong_imports(modules, is_wrong)


def relative_imports(modules: list[Module]) -> list[str]:
    return _wrong_imports(modules, lambda _, each: each.is_relative)


def aiohttp_below_the_web(modules: list[Module]) -> list[str]:
    foreign = ("aiohttp", "aiohttp_jinja2")
    return _wrong_imports(
        modules,
        lambda module, each: (
            any(is_in(each.target, name) for name in foreign) and not is_in(module.name, "web")
        ),
    )


def redis_elsewhere(modules: list[Module]) -> list[str]:
    return _wrong_imports(
        modules,
        lambda module, each: is_in(each.target, "redis") and module.name not in _SPEAK_TO_THE_STORE,
    )


def cycles(modules: list[Module]) -> list[str]:
    names = {module.name for module in modules if not module.is_package}
    graph = {
        module.name: {
            candidate
            for each in module.imports()
            if not each.is_late
            for candidate in (each.target, each.target.rpartition(".")[0])
            if candidate in names
        }
        for module in modules
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


def full_packages(modules: list[Module]) -> list[str]:
    """Each `__init__` that holds more than its docstring and, ours, the version."""
    wrong = []
    for module in modules:
        if not module.is_package:
            continue
        docstring, *rest = module.tree.body or [ast.Pass()]
        assigned = [
            target.id
            for node in rest
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        allowed = ["__version__"] if module.name == "messenger" else []
        is_docstring = isinstance(docstring, ast.Expr) and ast.get_docstring(module.tree)
        if not is_docstring or len(rest) != len(allowed) or assigned != allowed:
            wrong.append(module.name)
    return wrong


def environment_elsewhere(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in modules
        if module.name != "messenger.settings"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "environb", "getenv"))
    ]


def printing_elsewhere(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in modules
        if not is_in(module.name, "messenger.cli")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "print"
    ]


def long_files(modules: list[Module]) -> list[str]:
    return [module.name for module in modules if module.text.count("\n") > _LONGEST_FILE]


def long_functions(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}.{node.name}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= _LONGEST_FUNCTION
    ]


def empty_names(modules: list[Module]) -> list[str]:
    return [module.name for module in modules if _SAY_NOTHING & set(module.name.split("."))]


_RULES: dict[Callable[[list[Module]], list[str]], list[Module]] = {
    imports_up: [
        Module("messenger.x", "def f():\n import web.app"),
        Module("consumers.x", "from web import app"),
        Module("messenger.cli.x", "if True:\n from consumers.view import View"),
    ],
    imports_the_command_line: [
        Module("messenger.x", "from messenger.cli.main import main"),
        Module("web.x", "def f():\n from messenger import cli"),
    ],
    relative_imports: [Module("web.x", "from . import app"), Module("web.x", "from .app import f")],
    aiohttp_below_the_web: [
        Module("consumers.x", "import aiohttp"),
        Module("messenger.cli.x", "def f():\n from aiohttp.web import run_app"),
    ],
    redis_elsewhere: [
        Module("web.x", "import redis"),
        Module("messenger.x", "def f():\n from redis.exceptions import RedisError"),
    ],
    full_packages: [
        Module("web", '"""Doc."""\nfrom web.app import f', True),
        Module("web", "", True),
        Module("web", '__version__ = "1"', True),
        Module("consumers", '"""Doc."""\n__version__ = "1"', True),
    ],
    environment_elsewhere: [
        Module("web.x", "import os\nos.environ['A']"),
        Module("web.x", "from os import getenv"),
    ],
    printing_elsewhere: [Module("web.x", "print()"), Module("messenger.x", "f = print")],
    long_files: [Module("web.x", "\n" * 301)],
    long_functions: [
        Module("web.x", "class A:\n async def f():\n" + "  1\n" * 50),
    ],
    empty_names: [Module("web.utils", ""), Module("web.base.x", "")],
}


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep_the_rule(rule: Callable[[list[Module]], list[str]]) -> None:
    """No module has what the rule forbids."""
    modules = read_modules()
    assert {module.name.partition(".")[0] for module in modules} == set(PACKAGES)
    assert rule(modules) == []


@pytest.mark.parametrize(
    ("rule", "planted"),
    [(rule, each) for rule, planted in _RULES.items() for each in planted],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_the_rule_finds_what_breaks_it(
    rule: Callable[[list[Module]], list[str]], planted: Module
) -> None:
    """A planted violation is found, so a rule that finds nothing has looked."""
    assert rule([planted]) != []


@pytest.mark.parametrize(
    "rule",
    [relative_imports, full_packages, long_files, long_functions, empty_names],
    ids=lambda rule: rule.__name__,
)
def test_the_bench_keeps_the_rule(rule: Callable[[list[Module]], list[str]]) -> None:
    """What is measured may come from anywhere; how it is written is as everywhere."""
    modules = read_modules(["bench"])
    assert len(modules) > 20
    assert rule(modules) == []


def test_nothing_depends_on_the_bench() -> None:
    """It is not installed with the packages."""
    importing = _wrong_imports(read_modules(), lambda _, each: is_in(each.target, "bench"))
    assert importing == []
    planted = [Module("web.x", "from bench import rows")]
    assert _wrong_imports(planted, lambda _, each: is_in(each.target, "bench")) != []


def test_no_module_imports_itself_through_others() -> None:
    """Imports at module level make no cycle; one that is planted is found."""
    modules = read_modules()
    assert cycles(modules) == []
    planted = [Module("web.x", "import web.y"), Module("web.y", "from web.x import f")]
    assert cycles(modules + planted) != []
    late = [Module("web.x", "def f():\n import web.y"), Module("web.y", "from web.x import f")]
    assert cycles(late) == []


def test_only_modules_that_need_it_speak_to_the_store() -> None:
    """The list of modules that import redis names none that does not."""
    importing = {
        module.name
        for module in read_modules()
        if any(is_in(each.target, "redis") for each in module.imports())
    }
    assert importing == _SPEAK_TO_THE_STORE


def _has_contract(script: str) -> bool:
    header = re.match(r"(?:--.*\n)+", script)
    words = header[0] if header else ""
    if words.startswith("-- A part of "):
        return "Returns" in words
    return all(re.search(rf"^-- {word}\b", words, re.M) for word in ("KEYS", "ARGV", "Returns"))


def test_every_script_has_its_contract() -> None:
    """Each Lua file begins with what it takes and what it gives."""
    scripts = [path for package in PACKAGES for path in (ROOT / package).glob("**/lua/*")]
    assert len(scripts) >= 9
    assert [path.name for path in scripts if not _has_contract(path.read_text())] == []
    assert not _has_contract("-- Does it.\n-- KEYS 1 log\n-- Returns 1\n\nreturn 1\n")
    assert not _has_contract("local now = 1\n-- KEYS\n-- ARGV\n-- Returns\n")


def _foreign_words(path: str, content: str) -> list[str]:
    forbidden = (*_OF_THIS_MACHINE, *_REGISTRIES)
    return [f"{path}: {word}" for word in forbidden if word in content]


def test_no_file_knows_this_machine() -> None:
    """No file that is kept names a folder of this machine or a registry, so a clone works anywhere."""
    command = ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = [path for path in listed.split("\0") if path and (ROOT / path).is_file()]
    assert "tests/test_layers.py" in paths
    found = [
        words
        for path in paths
        if not path.endswith(".lock")
        for words in _foreign_words(path, (ROOT / path).read_text(errors="replace"))
    ]
    assert found == []
    assert _foreign_words("x", f"cd {_OF_THIS_MACHINE[0]}main") != []
    assert _foreign_words("x", f"https://{_REGISTRIES[1]}.org/simple") != []
