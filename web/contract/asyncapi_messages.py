"""The messages of the AsyncAPI document: each entry of the log, each event in each of its forms."""

from typing import Any

from messenger import events
from messenger.events import FORMS
from messenger.fields import EXAMPLE_ID
from web.contract.description import Schema
from web.contract.schemas import entry_name, path_of, reference
from web.contract.told import POST, Event, Reader, as_frame, example_id, told_to

Document = dict[str, Any]

_ENTRIES: dict[type[events.Event], tuple[str, dict[str, str]]] = {
    events.MessagePosted: (
        "Somebody posted. The entry's id is the message's id and its time; it expires `ttl` "
        "milliseconds after.",
        {"author": "Ann", "text": "hello", "ttl": "30000"},
    ),
    events.MessageErased: (
        "A message's text was erased before its time. Its own entry is gone by then.",
        {"message": EXAMPLE_ID, "by": "author"},
    ),
}


def names(form: str, *readers: Reader) -> list[str]:
    """The names of what these readers are told, as `sse` or as `frame`."""
    return [_name(form, event) for event in told_to(*readers)]


def _name(form: str, event: Event) -> str:
    """Where the same event has other data for the firehose, it has another name here."""
    is_twin = event.readers == ("firehose",)
    return f"{form}.{'all.' if is_twin else ''}{event.name}"


def messages() -> Document:
    found = {entry_name(kind): _entry(kind) for kind in FORMS}
    for event in told_to("room", "firehose", "poster"):
        if event.readers != ("poster",):
            found[_name("sse", event)] = _told_by_stream(event)
        found[_name("frame", event)] = _told_by_socket(event)
    found["frame.post"] = _posted_by_socket()
    return found


def _entry(kind: type[events.Event]) -> Document:
    words, own = _ENTRIES[kind]
    name = str(kind.__struct_config__.tag)
    return {
        "name": name,
        "title": name,
        "summary": words,
        "contentType": "application/x-redis-stream-entry",
        "payload": {"$ref": f"#/components/schemas/{entry_name(kind)}"},
        "examples": [{"payload": {"type": name, "room": "lobby", **own}}],
        "x-schema": path_of(entry_name(kind)),
        "x-versions": [
            {"version": number, "fields": list(form)}
            for number, form in enumerate(FORMS[kind], start=1)
        ],
    }


def _told_by_stream(event: Event) -> Document:
    """The fields `event` and `id` are the message's headers, its data the payload."""
    fields: Schema = {"event": {"const": event.name}, "id": _id(event)}
    entry_id = example_id(event)
    if event.name == "heartbeat":
        del fields["event"]  # a comment has no name
    if event.has_id == "never":
        del fields["id"]
    needed = [name for name in fields if name == "event" or event.has_id == "always"]
    headers = {"event": event.name} if "event" in fields else {}
    return {
        "name": event.name,
        "title": event.name,
        "summary": event.when,
        "headers": {"type": "object", "properties": fields, "required": needed},
        "payload": reference(event.kind),
        "examples": [
            {
                "headers": headers | ({} if entry_id is None else {"id": entry_id}),
                "payload": event.example,
            }
        ],
        "x-schema": path_of(event.kind.__name__),
    }


def _told_by_socket(event: Event) -> Document:
    members: Schema = {
        "event": {"const": event.name},
        "id": _id(event),
        "data": reference(event.kind),
    }
    if event.has_id == "never":
        del members["id"]
    needed = [name for name in members if name != "id" or event.has_id == "always"]
    return {
        "name": event.name,
        "title": event.name,
        "summary": event.when,
        "payload": {
            "type": "object",
            "properties": members,
            "required": needed,
            "additionalProperties": False,
        },
        "examples": [{"payload": as_frame(event)}],
        "x-schema": path_of(event.kind.__name__),
    }


def _posted_by_socket() -> Document:
    kind, example = POST
    return {
        "name": "post",
        "title": "post",
        "summary": "A post, of at most 4 KiB. All that holds for a post by HTTP holds here.",
        "payload": reference(kind),
        "examples": [{"payload": example}],
        "x-schema": path_of(kind.__name__),
    }


def _id(event: Event) -> Schema:
    return {"type": "string", "description": "The id to resume by."}
