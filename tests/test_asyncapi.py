"""The AsyncAPI document: valid by the specification's own schema, whole, and true to the code."""

import copy
import json
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator

from messenger.events import FORMS
from tests.contracts import looked_up, parts_of, within
from tests.sources import ROOT
from tests.test_documented import rows
from web import inbox, live, sockets, telling
from web.contract.asyncapi import asyncapi
from web.contract.told import CLOSES, EVENTS, example_id
from web.routes import ROUTES

DOCUMENT = asyncapi()
# The schema that the AsyncAPI initiative publishes: tests/schemas/README.md.
SPECIFICATION = json.loads((ROOT / "tests/schemas/asyncapi-3.0.0.json").read_text())
VALIDATOR = Draft7Validator(SPECIFICATION)
MESSAGES = DOCUMENT["components"]["messages"]


def test_it_is_asyncapi() -> None:
    """The specification's schema finds nothing."""
    assert [error.message for error in VALIDATOR.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ((), {"asyncapi": "2.6.0"}),
        (("operations", "takePost"), {"action": "subscribe"}),
        (("channels", "log"), {"adress": "x"}),
        (("servers", "web"), {"protocol": None}),
        (("components", "schemas", "Message"), {"type": "text"}),
    ],
)
def test_what_is_not_asyncapi_is_found(path: tuple[str, ...], broken: dict[str, Any]) -> None:
    """The schema looks: what it does not allow is refused."""
    document = copy.deepcopy(DOCUMENT)
    place = document
    for name in path:
        place = place[name]
    place.update(broken)
    assert not VALIDATOR.is_valid(document)


def test_every_reference_leads_somewhere() -> None:
    """Nothing is referred to that the document has not."""
    references = [part["$ref"] for part in parts_of(DOCUMENT) if "$ref" in part]
    assert len(references) > 50
    for reference in references:
        assert looked_up(DOCUMENT, reference)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_example_keeps_to_its_schema(name: str) -> None:
    """Each message has an example, whose payload and headers are valid."""
    message = MESSAGES[name]
    assert message["summary"]
    (example,) = message["examples"]
    within(DOCUMENT, message["payload"]).validate(example["payload"])
    if "headers" in message:
        within(DOCUMENT, message["headers"]).validate(example["headers"])


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_of_something_else_is_refused(name: str) -> None:
    """The schemas look: without one of its members, or as a list, an example is refused."""
    message = MESSAGES[name]
    payload = message["examples"][0]["payload"]
    check = within(DOCUMENT, message["payload"])
    assert not check.is_valid([payload])
    assert not check.is_valid({key: payload[key] for key in list(payload)[1:]})


def test_every_message_is_in_a_channel() -> None:
    """No message is told of that nobody is told; each of a channel's operations has messages of it."""
    told = {
        reference["$ref"].rpartition("/")[2]
        for channel in DOCUMENT["channels"].values()
        for reference in channel["messages"].values()
    }
    assert told == set(MESSAGES)


def test_every_stream_is_a_channel() -> None:
    """Each route that answers for as long as its reader stays has a channel at its path."""
    served = {path for _, path, _ in ROUTES if path.endswith(("/events", "/socket"))}
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == served | {"messenger:{partition}:log"}


def test_every_entry_is_told_with_its_versions() -> None:
    """The log's channel has each type of entry, with the fields of each version in their order."""
    told = {
        message["name"]: [tuple(each["fields"]) for each in message["x-versions"]]
        for name in DOCUMENT["channels"]["log"]["messages"]
        if (message := MESSAGES[name])
    }
    assert told == {str(kind.__struct_config__.tag): [*forms] for kind, forms in FORMS.items()}


def test_every_event_is_told() -> None:
    """All that a subscriber can be told, and what a socket answers to a post, is in the table; nothing
    else is."""
    kinds = {kind for kind in get_args(live.Live) if kind is not live.Told}
    assert kinds == set(telling.tell.registry) - {object, live.Told}
    names = {"Held": "message", "Beat": "heartbeat"}
    by_streams = {names.get(kind.__name__, kind.__name__.lower()) for kind in kinds}
    assert {each.name for each in EVENTS} == by_streams | {"posted", "refused"}
    assert {each.kind for each in EVENTS if "poster" in each.readers} == {
        inbox.SocketPosted,
        inbox.SocketRefused,
    }


def test_an_example_has_an_id_where_its_event_has() -> None:
    """What moves its reader's cursor says where to."""
    for event in EVENTS:
        assert (example_id(event) is not None) == (event.has_id == "always")


def test_every_close_code_is_told() -> None:
    """The codes are those that sockets are closed by, and docs/http.md says the same of each."""
    used = {value for name, value in vars(sockets).items() if name.isupper() and _is_code(value)}
    # 1000 is the client's own, 1009 is aiohttp's.
    assert {each.code for each in CLOSES} == used | {1000, 1009}
    documented = rows((ROOT / "docs/http.md").read_text(), "code", "why", "come back")
    come_back = {code.split(",")[0]: back for code, _, back in documented if code[0].isdigit()}
    assert come_back == {str(each.code): each.come_back for each in CLOSES}


def _is_code(value: object) -> bool:
    return isinstance(value, int) and 1_000 <= value <= 4_100 and value != sockets.LONGEST_FRAME
