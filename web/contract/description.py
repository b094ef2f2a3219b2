"""How a route is described: one description beside each route, from which the documents are made.

Words are plain paragraphs, with a blank line between, and code in backticks.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Schema = dict[str, Any]
Method = Literal["GET", "POST", "DELETE"]


class Parameter(msgspec.Struct, frozen=True):
    """Something in a path, a query or a header. `example` is a value that is taken."""

    name: str
    where: Literal["path", "query", "header"]
    description: str
    schema: Schema
    example: str | int | None = None


class Header(msgspec.Struct, frozen=True):
    """A header of an answer."""

    name: str
    description: str
    example: str
    kind: Literal["string", "integer"] = "string"
    is_always: bool = True


class Answer(msgspec.Struct, frozen=True):
    """An answer that is no refusal. `media` has for each media type the type of its body, several of
    which it is one, or a schema for what is no JSON."""

    status: int
    description: str
    media: Mapping[str, type | tuple[type, ...] | Schema] = {}
    headers: tuple[Header, ...] = ()
    example: Any = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`refusals` are the codes that this route answers by itself; what any route may answer is added.
    `tokens` are the names of the tokens of which one is needed. `curl` is a line that works as it
    stands on a messenger at its default address."""

    method: Method
    path: str
    id: str
    group: str
    summary: str
    description: str
    answers: tuple[Answer, ...]
    curl: str
    parameters: tuple[Parameter, ...] = ()
    body: type | None = None
    body_example: Any = None
    refusals: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Routes that belong together."""

    name: str
    description: str
