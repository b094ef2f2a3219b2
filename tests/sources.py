"""The sources of the packages, read and not run."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGES = ("messenger", "consumers", "web")


class Import(NamedTuple):
    target: str
    line: int
    is_late: bool  # inside a function
    is_relative: bool


class Module(NamedTuple):
    name: str
    text: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def imports(self) -> list[Import]:
        return list(_imports(self.tree, is_late=False))


def _imports(node: ast.AST, *, is_late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, is_late, False)
        elif isinstance(child, ast.ImportFrom):
            source = child.module or ""
            for alias in child.names:
                yield Import(f"{source}.{alias.name}", child.lineno, is_late, child.level > 0)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, is_late=is_late or inside)


def read_modules(packages: Sequence[str] = PACKAGES) -> list[Module]:
    found = []
    for path in sorted(path for package in packages for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path.read_text(), is_package))
    return found


def is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")
