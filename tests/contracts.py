"""Looking into the contract's documents, and holding what is really sent to them."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from web.contract.schemas import standing_alone

# The pages, and what they load: for browsers, and not for programs.
PAGES = {
    ("GET", "/"),
    ("GET", "/r"),
    ("GET", "/r/{room}"),
    ("POST", "/r/{room}"),
    ("GET", "/static/{name}"),
    ("GET", "/sw.js"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/docs"),
    ("GET", "/ops"),
}


def parts_of(document: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(document, dict):
        yield document
        for each in document.values():
            yield from parts_of(each)
    elif isinstance(document, list):
        for each in document:
            yield from parts_of(each)


def looked_up(document: Any, reference: str) -> Any:
    """What a reference within the document leads to; KeyError where it leads nowhere."""
    assert reference.startswith("#"), reference
    for name in reference.lstrip("#/").split("/"):
        document = document[name.replace("~1", "/").replace("~0", "~")]
    return document


def _closed(schema: Any) -> Any:
    """The same, taking no member that it does not name: what is sent is told of, all of it."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    is_object = closed.get("type") == "object" and "properties" in closed
    return {"additionalProperties": False, **closed} if is_object else closed


def hold(data: Any, name: str) -> None:
    """The data keep to the schema of that name, and have no member that it does not tell of."""
    Draft202012Validator(_closed(standing_alone(name))).validate(data)


def breaks(data: Any, name: str) -> bool:
    return not Draft202012Validator(_closed(standing_alone(name))).is_valid(data)


def within(document: Any, schema: Any) -> Draft202012Validator:
    """A validator of a schema that refers into its document."""
    return Draft202012Validator({**schema, "components": document["components"]})
