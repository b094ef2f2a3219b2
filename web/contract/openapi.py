"""The OpenAPI 3.1 document, made of the routes' descriptions."""

from collections.abc import Iterable
from typing import Any

import messenger
from web.contract import messages, operating, operators, parts, streams
from web.contract.codes import ANYWHERE, CODES, UNMATCHED
from web.contract.description import Answer, Header, Parameter, Route, Schema
from web.contract.schemas import DIALECT, reference, schemas
from web.problems import CONTENT_TYPE
from web.shapes import Problem

Document = dict[str, Any]

ROUTES = (*messages.ROUTES, *streams.ROUTES, *operating.ROUTES, *operators.ROUTES)
GROUPS = (
    messages.GROUP,
    streams.GROUP,
    operators.GROUP,
    operating.OPERATING,
    operating.CONTRACT,
)

_WORDS = """Every post is one event in a log that is trimmed with its window: a message is gone at its \
`expires_at`, and nobody is shown it after.

Times are whole milliseconds since 1970, by the store's clock. Each page, stream and post tells its \
`now`, `created_at` or `expires_at`, so a reader can count down without trusting its own clock. Ids are \
two numbers: compare them as numbers, never as text. Ignore members that you do not know.

Bodies are JSON in UTF-8, at most 32 KiB. A refusal is a problem (RFC 9457) with a stable `code`. Every \
`GET` but streams and sockets answers `HEAD` too. A write that a browser sends from another site's page \
is refused."""


def openapi() -> Document:
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Messenger",
            "version": messenger.__version__,
            "summary": "A messenger whose messages are gone on time.",
            "description": _WORDS,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "Where this document comes from"}],
        "tags": [{"name": each.name, "description": each.description} for each in GROUPS],
        "paths": paths,
        "components": {
            "schemas": dict(schemas()),
            "responses": {
                f"{name}": _refusal(CODES[name].status, [name], "/") for name in UNMATCHED
            },
            "securitySchemes": SECURITY,
        },
    }


SECURITY = {
    "operatorToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The operator's token, `MESSENGER_ADMIN_TOKEN`.",
    },
    "eraseToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The `erase_token` that came with the post.",
    },
}


def operation(route: Route) -> Document:
    found: Document = {
        "operationId": route.id,
        "tags": [route.group],
        "summary": route.summary,
        "description": route.description,
        "responses": _responses(route),
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": route.curl}],
    }
    if route.parameters:
        found["parameters"] = [_parameter(each) for each in route.parameters]
    if route.body is not None:
        media = {"schema": reference(route.body), "example": route.body_example}
        found["requestBody"] = {"required": True, "content": {parts.JSON: media}}
    if route.tokens:
        found["security"] = [{name: []} for name in route.tokens]
    return found


def _parameter(parameter: Parameter) -> Document:
    found: Document = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.where == "path":
        found["required"] = True
    if parameter.example is not None:
        found["example"] = parameter.example
    return found


def _responses(route: Route) -> Document:
    """The answers, and beside them what is refused; a status may be both."""
    found = {str(answer.status): _answer(answer) for answer in route.answers}
    by_status: dict[int, list[str]] = {}
    for name in (*route.refusals, *ANYWHERE):
        by_status.setdefault(CODES[name].status, []).append(name)
    for status, names in by_status.items():
        refusal = _refusal(status, names, _path_of(route))
        assert str(status) not in found, f"{route.id} answers {status} and refuses by it"
        found[str(status)] = refusal
    return dict(sorted(found.items()))


def _path_of(route: Route) -> str:
    path = route.path
    for parameter in route.parameters:
        path = path.replace(f"{{{parameter.name}}}", str(parameter.example))
    return path


def _answer(answer: Answer) -> Document:
    found: Document = {"description": answer.description}
    if answer.headers:
        found["headers"] = _headers(answer.headers)
    if answer.media:
        found["content"] = {
            media: {"schema": _schema(of)}
            | ({} if answer.example is None else {"example": answer.example})
            for media, of in answer.media.items()
        }
    return found


def _schema(of: type | tuple[type, ...] | Schema) -> Schema:
    if isinstance(of, dict):
        return of
    if isinstance(of, tuple):
        return {"anyOf": [reference(each) for each in of]}
    return reference(of)


def _headers(headers: Iterable[Header]) -> Document:
    return {
        each.name: {
            "description": each.description,
            "required": each.is_always,
            "schema": {"type": each.kind},
            "example": int(each.example) if each.kind == "integer" else each.example,
        }
        for each in headers
    }


def _refusal(status: int, names: list[str], path: str) -> Document:
    """What a status may say: its codes, each with an example of its problem."""
    of_these = {"properties": {"status": {"const": status}, "code": {"enum": names}}}
    found: Document = {
        "description": "; or ".join(f"`{name}`: {CODES[name].meaning}" for name in names),
        "content": {
            CONTENT_TYPE: {
                "schema": {"allOf": [reference(Problem), of_these]},
                "examples": {
                    name: {"summary": CODES[name].meaning, "value": CODES[name].problem(path)}
                    for name in names
                },
            }
        },
    }
    if status in parts.OF_STATUS:
        found["headers"] = _headers(parts.OF_STATUS[status])
    return found
