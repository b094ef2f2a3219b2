"""The OpenAPI document tried against a real messenger: schemathesis asks what it allows and what it does
not, and every answer must be one that it tells of."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from messenger import durations
from messenger.settings import load
from tests.firehoses import AUTHORIZED, TOKEN
from tests.private_store import PrivateStore
from tests.serving import serving_in_thread
from web.contract import streams
from web.contract.description import Route, Schema
from web.contract.openapi import ROUTES, openapi

_CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
_DOCUMENT = schemathesis.openapi.from_dict(openapi())
# Streams answer for as long as their reader stays.
_TRIED = [each for each in ROUTES if each not in streams.ROUTES]
_POSITIVE, _NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
# Seen at least, of what is asked as the document allows; the rest is up to the draw.
_SEEN = {
    "postMessage": {201, 422},
    "listMessages": {200, 400},
    "getMessage": {200, 410},
    "eraseMessage": {204, 401},
    "getSchema": {200, 404},
    # Letters are asked for in test_ops_api.
    "listLetters": {200, 401},
    "dropLetters": {401, 404},
    "requeueLetters": {401, 404},
    "getLetter": {401, 404},
    "dropLetter": {401, 404},
    "requeueLetter": {401, 404},
}
_EXAMPLES = 40
_LONGEST_WAIT_MS = 10


class Served(NamedTuple):
    url: str
    session: requests.Session
    messages: list[str]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A messenger with some messages to be found and to be erased."""
    private = PrivateStore()
    private.start()
    given = load(
        {
            "port": "0",
            "post_rate": "1000000/1s",
            "room_rate": "1000000/1s",
            "new_room_rate": "1000000/1s",
            "admin_token": TOKEN,
        }
    )
    with serving_in_thread(private.url, given) as url, requests.Session() as session:
        path = f"{url}/api/rooms/lobby/messages"
        posted = [session.post(path, json={"text": f"{each}"}).json() for each in range(20)]
        yield Served(url, session, [each["id"] for each in posted])
    private.remove()


def _is_any(schema: Schema) -> bool:
    return schema == {"type": "string"}


def _modes(route: Route) -> list[GenerationMode]:
    """What takes nothing that could be wrong is asked only as it should be."""
    can_be_wrong = route.body or not all(_is_any(each.schema) for each in route.parameters)
    return [_POSITIVE, _NEGATIVE] if can_be_wrong else [_POSITIVE]


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        pytest.param(route, mode, id=f"{route.id}-{mode.value}")
        for route in _TRIED
        for mode in _modes(route)
    ],
)
def test_every_answer_is_told_of(route: Route, mode: GenerationMode, served: Served) -> None:
    """No status, media type, body or header comes that the document does not have, whatever is asked."""
    operation = _DOCUMENT[route.path][route.method]
    seen = set()

    @seed(4_711)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        known=st.sampled_from([None, *served.messages]),
        headers=st.sampled_from([{}, AUTHORIZED]),
    )
    def ask(case: Any, known: str | None, headers: dict[str, str]) -> None:
        if known is not None and (case.path_parameters or {}).keys() == {"room", "message"}:
            case.path_parameters = {"room": "lobby", "message": known}
        _shorten_wait(case)
        response = case.call_and_validate(
            base_url=served.url,
            session=served.session,
            headers=dict(headers),  # schemathesis adds its own
            checks=_CHECKS,
            timeout=10,
        )
        seen.add(response.status_code)

    ask()
    assert seen
    assert mode is _NEGATIVE or _SEEN.get(route.id, {200}) <= seen


def _shorten_wait(case: Any) -> None:
    """What a long poll would wait for is not waited for."""
    wait = (case.query or {}).get("wait")
    try:
        is_long = isinstance(wait, str) and durations.parse(wait) > _LONGEST_WAIT_MS
    except ValueError:
        return
    if is_long and durations.parse(wait) <= 60_000:
        case.query["wait"] = durations.write(_LONGEST_WAIT_MS)
