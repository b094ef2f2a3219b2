"""Parts of the documents in words, for a person: paragraphs, kinds and limits of values, code."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from web.contract.description import Schema

_CODE = re.compile(r"`([^`]+)`")
_JSON = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*"(?=:))|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?|true|false|null)"
)
_SIZES = (("minLength", "maxLength", " characters"), ("minimum", "maximum", ""))
# Beyond it a limit is no news.
_LARGEST = 2**53


class Part(NamedTuple):
    """A piece of a text; `kind` is its class in the page, empty for plain words."""

    text: str
    kind: str = ""


def paragraphs(text: str) -> list[list[Part]]:
    return [words(each) for each in text.split("\n\n")]


def words(text: str) -> list[Part]:
    """Plain words, and `code` where it stands in backticks."""
    pieces = _CODE.split(text)
    found = [Part(each, "code" if at % 2 else "") for at, each in enumerate(pieces)]
    return [each for each in found if each.text]


def written(value: Any) -> str:  # noqa: ANN401  any JSON
    """JSON as a person reads it; what is text already stays as it is."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def coloured(text: str) -> list[Part]:
    """JSON in the parts that have colours of their own."""
    found, at = [], 0
    for match in _JSON.finditer(text):
        if match.start() > at:
            found.append(Part(text[at : match.start()]))
        found.append(Part(match[0], str(match.lastgroup)))
        at = match.end()
    return [*found, Part(text[at:])]


class Field(NamedTuple):
    """A member, a parameter or a field. `mark` says whether it must or may be there, where that is
    news: of what is asked that it is required, of what is told that it may be missing."""

    name: str
    kind: list[Part]
    mark: str
    description: list[Part]
    note: str


def fields(schema: Schema, defined: dict[str, Schema]) -> list[Field]:
    """The members of a schema, or of the one that it refers to."""
    found = resolved(schema, defined)
    needed, is_asked = found.get("required", []), found.get("additionalProperties") is False
    return [
        Field(
            name,
            kind(each),
            mark(name in needed, is_asked),
            words(each.get("description", "")),
            limits(each),
        )
        for name, each in found.get("properties", {}).items()
    ]


def mark(is_needed: bool, is_asked: bool) -> str:
    if is_asked:
        return "required" if is_needed else ""
    return "" if is_needed else "may be missing"


def resolved(schema: Schema, defined: dict[str, Schema]) -> Schema:
    return defined[name_of(schema)] if "$ref" in schema else schema


def name_of(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def kind(schema: Schema) -> list[Part]:
    """What kind of value it is; a schema's name is a part of the kind `link`."""
    if "$ref" in schema:
        return [Part(name_of(schema), "link")]
    if "anyOf" in schema:
        return list(_joined([kind(each) for each in schema["anyOf"]]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return list(_joined([[Part(str(each), "code")] for each in values]))
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            places = _joined([kind(each) for each in schema["prefixItems"]], ", ")
            return [Part("list ("), *places, Part(")")]
        return [Part("list of "), *kind(schema["items"])]
    return [Part(str(schema.get("type", "any")))]


def _joined(kinds: list[list[Part]], between: str = " or ") -> Iterator[Part]:
    for at, each in enumerate(kinds):
        if at:
            yield Part(between)
        yield from each


def limits(schema: Schema) -> str:
    """The range, the length and the default of a value, as far as they are set."""
    found = [_range(schema, *names) for names in _SIZES]
    default = schema.get("default")
    if default not in (None, ""):
        found.append(f"{default} if there is none")
    return "; ".join(filter(None, found))


def _range(schema: Schema, lowest: str, highest: str, unit: str) -> str:
    low, high = schema.get(lowest), schema.get(highest)
    if high is None or high >= _LARGEST:
        return f"at least {low:,}{unit}" if low else ""
    return f"{low or 0:,} to {high:,}{unit}"
