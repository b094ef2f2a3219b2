"""JSON Schemas, made by msgspec of the types that the code itself uses."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from messenger import events
from messenger.events import Event
from messenger.letters import Letter
from messenger.lines import ErasedLine, PostedLine
from messenger.messages import Message
from web import shapes
from web.body import PostBody
from web.contract.description import Schema
from web.figures import Figures, Groups
from web.inbox import SocketPost, SocketPosted, SocketRefused
from web.letters import Dug, Letters
from web.posting import Posted
from web.replay import ReplayEnded, ReplayWaiting
from web.rooms import RoomList

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: tuple[type, ...] = (
    Dug,
    Figures,
    Groups,
    Letter,
    Letters,
    Message,
    Posted,
    PostBody,
    PostedLine,
    ErasedLine,
    ReplayEnded,
    ReplayWaiting,
    RoomList,
    SocketPost,
    SocketPosted,
    SocketRefused,
    shapes.Erased,
    shapes.Farewell,
    shapes.FirehoseHello,
    shapes.Gap,
    shapes.Health,
    shapes.Heartbeat,
    shapes.Hello,
    shapes.Live,
    shapes.MessagePage,
    shapes.PartitionGap,
    shapes.Polled,
    shapes.Present,
    shapes.Problem,
)


# Fields of entries that are no part of their events.
_BESIDE: dict[str, Schema] = {
    "traceparent": {
        "type": "string",
        "description": "The span in which it was posted (W3C Trace Context), where that is traced.",
    }
}


@cache
def schemas() -> Mapping[str, Schema]:
    """Every public schema by its name; one refers to another as `#/components/schemas/<name>`."""
    _, found = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    found |= {entry_name(each): _entry_schema(each) for each in events.FORMS}
    return {
        name: {"x-schema": path_of(name), **_in_one_line(found[name])} for name in sorted(found)
    }


def reference(kind: type) -> Schema:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def path_of(name: str) -> str:
    """Where a schema is served on its own."""
    return f"/schemas/{name}.json"


def standing_alone(name: str) -> Schema:
    """A schema with all that it refers to in it. KeyError: there is none of that name."""
    own = schemas()[name]
    needed = {each: schemas()[each] for each in _needed_by(own) if each != name}
    whole = {"$schema": DIALECT, "$id": path_of(name), **own}
    if needed:
        whole["$defs"] = needed
    del whole["x-schema"]
    return {key: _moved(part, name) for key, part in whole.items()}


def entry_name(event: type) -> str:
    return f"{event.__name__}Entry"


def _entry_schema(event: type[Event]) -> Schema:
    """An entry's fields: flat strings, a number in decimal digits. More may follow them."""
    (of_event,) = msgspec.json.schema_components((event,))[1].values()
    forms = events.FORMS[event]
    properties = {
        name: _as_text(of_event["properties"].get(name, _BESIDE.get(name, {"type": "string"})))
        for name in forms[-1]
    }
    return {
        "title": entry_name(event),
        "description": of_event["description"],
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if all(name in form for form in forms)],
    }


def _as_text(field: Schema) -> Schema:
    if field.get("type") != "integer":
        return field
    words = f"{field['description']} In decimal digits."
    return {"type": "string", "pattern": "^[0-9]{1,12}$", "description": words}


def _in_one_line(part: Any) -> Any:  # noqa: ANN401  any part of a schema
    """The same with its descriptions as they are meant: docstrings are folded for the code's reader."""
    if isinstance(part, list):
        return [_in_one_line(each) for each in part]
    if not isinstance(part, dict):
        return part
    words = part.get("description")
    flat = {"description": " ".join(words.split())} if isinstance(words, str) else {}
    return {name: _in_one_line(each) for name, each in part.items()} | flat


def _needed_by(schema: Schema) -> set[str]:
    """The names of all that a schema refers to, also through others."""
    needed: set[str] = set()
    waiting = [schema]
    while waiting:
        for name in _named_in(waiting.pop()):
            if name not in needed:
                needed.add(name)
                waiting.append(schemas()[name])
    return needed


def _named_in(part: Any) -> Iterable[str]:  # noqa: ANN401  any part of a schema
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for each in part.values():
            yield from _named_in(each)
    elif isinstance(part, list):
        for each in part:
            yield from _named_in(each)


def _moved(part: Any, root: str) -> Any:  # noqa: ANN401  any part of a schema
    """The same with its references to where a schema that stands alone has what it needs."""
    if isinstance(part, list):
        return [_moved(each, root) for each in part]
    if not isinstance(part, dict):
        return part
    moved = {name: _moved(each, root) for name, each in part.items()}
    if "$ref" in moved:
        name = moved["$ref"].rpartition("/")[2]
        moved["$ref"] = "#" if name == root else f"#/$defs/{name}"
    return moved
