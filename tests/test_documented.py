"""The tables of the documents are true: whatever the program has is in them, and nothing else."""

import ast
import inspect
import re
from collections.abc import Iterator

import pytest

from consumers.differences import KINDS
from consumers.groups import GroupStats
from consumers.stats import PartitionStats, Stats
from messenger import errors
from messenger.cli.main import _COMMANDS
from messenger.errors import MessengerError, TooFast, Undone, Unfit
from messenger.events import MessageErased, MessagePosted
from messenger.keys import Keys, ViewKeys
from messenger.rights import user_of
from messenger.roles import ROLES
from messenger.settings import SETTINGS
from tests.sources import ROOT, read_modules
from web import problems
from web.metrics import Metrics
from web.routes import ROUTES

_ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`]*)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def _read(path: str) -> str:
    return (ROOT / path).read_text()


def _tables(text: str) -> Iterator[list[list[str]]]:
    """Each table's rows, the names of its columns first; code's backticks are taken off."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = [line.strip().strip("|").split("|") for line in table.splitlines()]
        yield [[cell.strip().replace("`", "") for cell in row] for row in rows]


def rows(text: str, *columns: str) -> list[tuple[str, ...]]:
    """The cells of the named columns, from all tables whose first columns these are."""
    found: list[tuple[str, ...]] = []
    for names, _, *body in _tables(text):
        if tuple(names[: len(columns)]) == columns:
            found += [tuple(row[: len(columns)]) for row in body]
    return found


def _settings() -> list[tuple[str, ...]]:
    return [(each.variable, each.default or "empty", each.allowed) for each in SETTINGS]


def test_every_setting_is_in_the_readme() -> None:
    """The settings' table has each variable with its default and what is allowed, and no other."""
    assert rows(_read("README.md"), "variable", "default", "allowed") == _settings()


def test_every_route_is_in_the_readme() -> None:
    """The table of HTTP has each method and path, and no other."""
    expected = [(method, path) for method, path, _ in ROUTES]
    assert sorted(rows(_read("README.md"), "method", "path")) == sorted(expected)


def test_every_route_is_explained() -> None:
    """docs/http.md speaks of each method and path, and of no other."""
    expected = {(method, path) for method, path, _ in ROUTES}
    assert set(_ROUTE.findall(_read("docs/http.md"))) == expected


def test_every_command_is_in_the_readme() -> None:
    """The table of commands has each, in the order of the help, and no other."""
    expected = [(f"messenger {name}",) for name in _COMMANDS]
    assert rows(_read("README.md"), "command") == expected


def _full_metrics() -> Metrics:
    """Metrics with a sample of each family, so that the labels show."""
    metrics = Metrics()
    partition = PartitionStats(**dict.fromkeys(PartitionStats.__struct_fields__, 1))
    group = GroupStats(**dict.fromkeys(GroupStats.__struct_fields__, 1))
    metrics.store.stats = Stats(1, 1, True, False, True, True, [partition])
    metrics.store.groups = [group]
    metrics.refused("too-fast")
    metrics.requests.route("GET", "/").observe(200, 0.1)
    return metrics


def _families() -> set[tuple[str, ...]]:
    found = set()
    for family in _full_metrics().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found.add((name, family.type, ", ".join(sorted(labels))))
    return found


def test_every_metric_is_explained() -> None:
    """docs/metrics.md has each metric as it is exposed, its type and its labels, and no other."""
    documented = {
        (name, kind, ", ".join(sorted(filter(None, labels.split(", ")))))
        for name, kind, labels in rows(_read("docs/metrics.md"), "name", "type", "labels")
    }
    assert documented == _families()


def _kinds(of: type[MessengerError]) -> Iterator[type[MessengerError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _constants(node: ast.expr) -> list[str]:
    """The texts that an argument may be: of `a if x else b` both, of anything else but a text none."""
    if isinstance(node, ast.IfExp):
        return _constants(node.body) + _constants(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _raised() -> Iterator[tuple[type[MessengerError], str]]:
    """Each class of the tree with a code that some call of it is given."""
    for module in read_modules():
        for call in ast.walk(module.tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            kind = getattr(errors, call.func.id, None)
            if isinstance(kind, type) and issubclass(kind, MessengerError):
                given = [each.value for each in call.keywords if each.arg == "code"]
                yield from ((kind, code) for value in given for code in _constants(value))


def _status(kind: type[MessengerError], code: str) -> str:
    if issubclass(kind, Unfit):
        return "exit 2"
    if issubclass(kind, Undone):
        return "exit 1"
    error = TooFast("", retry_after=1) if kind is TooFast else kind("", code=code)
    return str(problems.status_of(error)[0])


def _codes() -> dict[str, str]:
    """Every code with its status. A class that only gathers others has the tree's own code."""
    named = [(kind, kind.code) for kind in _kinds(MessengerError) if "code" in vars(kind)]
    found = {code: _status(kind, code) for kind, code in [*named, *_raised()]}
    found |= {code: str(status) for code, (status, _) in problems._BY_CODE.items()}
    found |= {code: str(status) for status, (code, *_) in problems.FRAMEWORK.items()}
    return found | {"internal": "500", "refused": "4xx", "malformed-request": "400"}


def test_every_error_is_explained() -> None:
    """docs/errors.md has each code with its status, and no other; nothing twice."""
    documented = rows(_read("docs/errors.md"), "code", "status")
    assert sorted(documented) == sorted(_codes().items())
    assert {"too-long", "message-erased", "store-held", "bad-cursor"} <= _codes().keys()


def _key_kinds() -> set[str]:
    """The word after the tag of every key that a partition can have."""
    keys = Keys(0)
    made = [value for value in vars(keys).values() if isinstance(value, str) and value != keys.tag]
    for name, method in inspect.getmembers(keys, inspect.ismethod):
        if not name.startswith("_"):
            parameters = inspect.signature(method).parameters.values()
            key = method(*(0 if each.annotation is int else "x" for each in parameters))
            made.append(key.prefix if isinstance(key, ViewKeys) else key)
    return {key.removeprefix(keys.tag).partition(":")[0] for key in made}


def test_every_key_is_explained() -> None:
    """docs/log.md has each kind of key, and no other."""
    prefix = Keys(0).tag.replace("0", "p")
    documented = [key for (key,) in rows(_read("docs/log.md"), "key")]
    assert {key.partition(prefix)[0] for key in documented} == {""}
    assert {key.removeprefix(prefix).partition(":")[0] for key in documented} == _key_kinds()


def test_every_kind_of_difference_is_explained() -> None:
    """docs/view.md has each kind that `messenger verify` tells of, and no other."""
    assert [kind for (kind,) in rows(_read("docs/view.md"), "kind")] == list(KINDS)


def _fields(event: type[MessagePosted | MessageErased]) -> list[str]:
    """An event's fields in an entry, in their order; `type` with what it holds."""
    own = [f"{name}: " for name in event.__struct_fields__]
    return [f"type: {event.__struct_config__.tag}", *own]


def test_every_field_of_an_entry_is_explained() -> None:
    """docs/log.md has each event's fields in the order of the log, and no other."""
    documented = [
        f"{name}: {value if name == 'type' else ''}"
        for name, value in rows(_read("docs/log.md"), "field", "value")
    ]
    assert documented == [*_fields(MessagePosted), *_fields(MessageErased)]


def _subjects() -> set[str]:
    """What the store's check looks at."""
    modules = [each for each in read_modules() if each.name.startswith("messenger.checks")]
    assert len(modules) > 1
    nodes = [node for module in modules for node in ast.walk(module.tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    findings = [each for each in calls if ast.unparse(each.func) == "Finding"]
    return {text for finding in findings for text in _constants(finding.args[0])}


def test_every_check_of_the_store_is_explained() -> None:
    """docs/store.md has each subject that `messenger doctor` speaks of, and no other."""
    documented = [subject for (subject,) in rows(_read("docs/store.md"), "subject")]
    assert sorted(", ".join(documented).split(", ")) == sorted(_subjects())


def test_every_role_is_explained() -> None:
    """docs/operations.md has each role with its user, and no other."""
    expected = [(role, user_of(role)) for role in ROLES]
    expected.append(("downstream with --group G", user_of("downstream", "G")))
    assert sorted(rows(_read("docs/operations.md"), "role", "user")) == sorted(expected)


def test_every_link_leads_somewhere() -> None:
    """What a document refers to is there: documents, pictures, files."""
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in _LINK.findall(document.read_text())
        if not (document.parent / target).is_file()
    ]
    assert broken == []


@pytest.mark.parametrize("columns", [("variable", "default"), ("variable",)])
def test_a_table_is_read_as_it_is_written(columns: tuple[str, ...]) -> None:
    """Cells lose their backticks and spaces; a table with other columns is passed over."""
    text = (
        "x\n\n| variable | default |\n|---|---|\n| `A` | `1` |\n| B | |\n\n| code |\n|---|\n| c |\n"
    )
    expected = [("A", "1"), ("B", "")]
    assert rows(text, *columns) == [row[: len(columns)] for row in expected]
