"""What the page for people says, read off the two documents that programs read."""

from typing import Any

from web.contract import prose
from web.contract.asyncapi import asyncapi
from web.contract.codes import CODES
from web.contract.description import Schema
from web.contract.openapi import GROUPS, openapi
from web.contract.prose import Field, Part
from web.contract.told import CLOSES, EVENTS, POST, Event, as_frame, as_stream
from web.problems import CONTENT_TYPE

Facts = dict[str, Any]

_WHERE = {"path": "in the path", "query": "in the query", "header": "header"}
_READERS = {"room": "rooms", "firehose": "firehose", "poster": "who posted"}


def content() -> Facts:
    http, streams = openapi(), asyncapi()
    defined = http["components"]["schemas"]
    operations = [
        (method, path, operation)
        for path, methods in http["paths"].items()
        for method, operation in methods.items()
    ]
    return {
        "version": http["info"]["version"],
        "summary": http["info"]["summary"],
        "intro": prose.paragraphs(http["info"]["description"]),
        "groups": [
            {
                "name": group.name,
                "anchor": _anchor(group.name),
                "intro": prose.paragraphs(group.description),
                "routes": [
                    _route(method, path, operation, defined)
                    for method, path, operation in operations
                    if operation["tags"] == [group.name]
                ],
            }
            for group in GROUPS
        ],
        "tokens": _tokens(http["components"]["securitySchemes"]),
        "events": [_event(event, defined) for event in EVENTS],
        "post": _example(POST[1]) | {"fields": prose.fields(defined[POST[0].__name__], defined)},
        "closes": [(each.code, prose.words(each.why), each.come_back) for each in CLOSES],
        "log": _log(streams, defined),
        "codes": [_code(name) for name in CODES],
        "shapes": [
            {
                "name": name,
                "intro": prose.words(schema.get("description", "")),
                "fields": prose.fields(schema, defined),
                "path": schema["x-schema"],
            }
            for name, schema in defined.items()
        ],
    }


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _route(method: str, path: str, operation: Facts, defined: dict[str, Schema]) -> Facts:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = [
        _answer(status, answer)
        for status, answer in operation["responses"].items()
        if CONTENT_TYPE not in answer.get("content", {})
    ]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "intro": prose.paragraphs(operation["description"]),
        "tokens": [name for each in operation.get("security", []) for name in each],
        "parameters": [_parameter(each) for each in operation.get("parameters", [])],
        "body": prose.fields(body["schema"], defined) if body else [],
        "answers": answers,
        "refusals": _refusals(operation["responses"]),
        "curl": operation["x-codeSamples"][0]["source"],
        "example": next((each["example"] for each in answers if each["example"]), None),
    }


def _parameter(parameter: Facts) -> Field:
    schema = parameter["schema"]
    limits = prose.limits(schema)
    return Field(
        parameter["name"],
        [Part(_WHERE[parameter["in"]]), Part(", "), *prose.kind(schema)],
        prose.mark(parameter.get("required", False), True),
        prose.words(parameter["description"]),
        limits,
    )


def _answer(status: str, answer: Facts) -> Facts:
    media = answer.get("content", {})
    first: Facts = next(iter(media.values()), {})
    example = first.get("example")
    return {
        "status": status,
        "description": prose.words(answer["description"]),
        "media": list(media),
        "kind": prose.kind(first["schema"]) if "application/json" in media else [],
        "headers": [
            (name, prose.words(each["description"]), str(each["example"]))
            for name, each in answer.get("headers", {}).items()
        ],
        "example": None if example is None else _example(example)["example"],
    }


def _refusals(responses: Facts) -> list[tuple[str, list[str]]]:
    return [
        (status, list(answer["content"][CONTENT_TYPE]["examples"]))
        for status, answer in responses.items()
        if CONTENT_TYPE in answer.get("content", {})
    ]


def _tokens(schemes: Facts) -> list[tuple[str, list[Part]]]:
    return [(name, prose.words(each["description"])) for name, each in schemes.items()]


def _example(value: Any) -> Facts:  # noqa: ANN401  any JSON
    return {"example": prose.coloured(prose.written(value))}


def _event(event: Event, defined: dict[str, Schema]) -> Facts:
    """A poster's answers come by a socket alone."""
    by_stream = "poster" not in event.readers
    return {
        "name": event.name,
        "anchor": f"event-{event.kind.__name__}",
        "readers": " and ".join(_READERS[each] for each in event.readers),
        "id": event.has_id,
        "when": prose.words(event.when),
        "shape": event.kind.__name__,
        "fields": prose.fields(defined[event.kind.__name__], defined),
        "stream": prose.coloured(as_stream(event).rstrip("\n")) if by_stream else None,
        "frame": _example(as_frame(event))["example"],
    }


def _log(document: Facts, defined: dict[str, Schema]) -> Facts:
    channel = document["channels"]["log"]
    return {
        "address": channel["address"],
        "intro": prose.paragraphs(channel["description"]),
        "rules": prose.paragraphs(document["info"]["description"]),
        "entries": [
            _entry(document["components"]["messages"][name], defined)
            for name in channel["messages"]
        ],
    }


def _entry(message: Facts, defined: dict[str, Schema]) -> Facts:
    payload = message["examples"][0]["payload"]
    lines = [f'{at}) "{each}"' for at, each in enumerate(_flat(payload), start=1)]
    return {
        "name": message["name"],
        "anchor": f"entry-{message['name']}",
        "when": prose.words(message["summary"]),
        "fields": prose.fields(message["payload"], defined),
        "versions": [
            (each["version"], ", ".join(each["fields"])) for each in message["x-versions"]
        ],
        "example": prose.coloured("\n".join(lines)),
    }


def _flat(payload: dict[str, str]) -> list[str]:
    return [word for pair in payload.items() for word in pair]


def _code(name: str) -> Facts:
    code = CODES[name]
    return {
        "name": name,
        "status": "4xx" if name == "refused" else code.status,
        "meaning": prose.words(code.meaning),
        "advice": prose.words(code.advice),
        "facts": list(code.facts),
    }
