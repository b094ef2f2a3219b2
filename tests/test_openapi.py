"""The OpenAPI document: valid, complete, and true to the code."""

import ast
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from messenger import errors
from tests.contracts import PAGES, hold, looked_up, parts_of, within
from tests.sources import ROOT, read_modules
from tests.test_documented import _codes, rows
from web import problems
from web.contract.codes import CODES, UNMATCHED
from web.contract.openapi import openapi
from web.routes import ROUTES
from web.shapes import Problem

DOCUMENT = openapi()
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_it_is_openapi() -> None:
    """The validator of the specification finds nothing."""
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize("broken", ["openapi", "info", "path parameter"])
def test_what_is_not_openapi_is_found(broken: str) -> None:
    """The validator looks: without what the specification asks for it refuses the document."""
    document = openapi()
    if broken == "path parameter":
        document["paths"]["/api/rooms/{room}/messages"]["get"]["parameters"] = []
    else:
        del document[broken]
    with pytest.raises((OpenAPIValidationError, ValueError)):
        validate(document, cls=OpenAPIV31SpecValidator)


def test_every_route_is_described() -> None:
    """Each method and path that is served is in the document or a page, and no other is."""
    served = {(method, path) for method, path, _ in ROUTES}
    assert set(OPERATIONS) | PAGES == served
    assert not set(OPERATIONS) & PAGES


def _told(responses: dict[str, Any]) -> set[str]:
    """The codes of some responses that a reader of the document comes to."""
    found: set[str] = set()
    for response in responses.values():
        problem = response.get("content", {}).get(problems.CONTENT_TYPE)
        if problem:
            _, of_these = problem["schema"]["allOf"]
            assert list(problem["examples"]) == of_these["properties"]["code"]["enum"]
            found |= set(problem["examples"])
    return found


def test_every_code_is_told() -> None:
    """Each code that a request can be answered by is at a route, or among what is told of a path or a
    method that is nobody's; nothing else is."""
    by_route = set().union(*(_told(each["responses"]) for each in OPERATIONS.values()))
    unmatched = _told(DOCUMENT["components"]["responses"])
    assert unmatched == set(UNMATCHED)
    of_http = {code for code, status in _codes().items() if not status.startswith("exit")}
    of_http -= _elsewhere()
    assert by_route | unmatched == of_http
    assert set(CODES) == of_http


def _elsewhere() -> set[str]:
    """The codes that have a status and are answered to no request."""
    told = rows((ROOT / "docs/errors.md").read_text(), "code", "status", "meaning", "what to do")
    return {
        code
        for code, _, meaning, _ in told
        if meaning.endswith((", on the command line", ", in a program"))
    }


def test_every_code_has_its_status() -> None:
    """A code stands under the status that it is answered by."""
    statuses = _codes()
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            for code in _told({status: response}):
                assert statuses[code] == status


def test_every_code_is_explained_alike() -> None:
    """docs/errors.md and the document say the same words."""
    told = rows((ROOT / "docs/errors.md").read_text(), "code", "status", "meaning", "what to do")
    documented = {code: (meaning, advice) for code, _, meaning, advice in told if code in CODES}
    own = {
        each.name: (each.meaning.replace("`", ""), each.advice.replace("`", ""))
        for each in CODES.values()
    }
    assert documented == own


def _facts() -> set[str]:
    """The further members that some refusal is given."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    calls = [
        call
        for module in read_modules()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in kinds
    ]
    return {each.arg for call in calls for each in call.keywords if each.arg} - {"code"}


def test_every_member_of_a_problem_is_told() -> None:
    """What a refusal adds is in the schema, and in some example; nothing else is."""
    own = set(Problem.__struct_fields__) - {
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
    }
    assert _facts() == own
    assert {name for each in CODES.values() for name in each.facts} == own


@pytest.mark.parametrize("name", CODES)
def test_an_example_of_a_problem_is_one(name: str) -> None:
    """Each is whole, and has the title and the status of its code."""
    hold(CODES[name].problem("/api/rooms"), "Problem")


def test_every_reference_leads_somewhere() -> None:
    """Nothing is referred to that the document has not."""
    references = [part["$ref"] for part in parts_of(DOCUMENT) if "$ref" in part]
    assert len(references) > 50
    for reference in references:
        assert looked_up(DOCUMENT, reference)


def test_every_example_keeps_to_its_schema() -> None:
    """Examples of bodies, answers, refusals and parameters are valid."""
    tried = 0
    for part in parts_of(DOCUMENT["paths"]):
        values = (
            [each["value"] for each in part.get("examples", {}).values()]
            if "schema" in part
            else []
        )
        if "schema" in part and "example" in part:
            values.append(part["example"])
        for value in values:
            within(DOCUMENT, part["schema"]).validate(value)
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    """Each is JSON Schema of the draft that the document names, and says what it is."""
    schema = DOCUMENT["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    assert schema["description"]


@pytest.mark.parametrize("route", OPERATIONS, ids=lambda route: " ".join(route))
def test_every_operation_is_whole(route: tuple[str, str]) -> None:
    """Words, a line to try, a good answer; each parameter is described and has limits, or says that it
    may be anything."""
    operation = OPERATIONS[route]
    assert operation["summary"]
    assert operation["description"]
    assert operation["x-codeSamples"][0]["source"].startswith("curl ")
    assert any(status < "400" for status in operation["responses"])
    for parameter in operation.get("parameters", []):
        assert parameter["description"]
        free = parameter["name"] == "If-None-Match"
        assert free or parameter["schema"].keys() & {"pattern", "minimum", "minLength", "enum"}
