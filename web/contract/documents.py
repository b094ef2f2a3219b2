"""The documents as they are served: encoded once, each with the tag that names its bytes."""

from functools import cache

import msgspec

from web.contract.asyncapi import asyncapi
from web.contract.openapi import openapi
from web.contract.schemas import schemas, standing_alone
from web.tagged import Tagged, tagged

_SUFFIX = ".json"


@cache
def openapi_document() -> Tagged:
    return tagged(msgspec.json.encode(openapi()), "application/json")


@cache
def asyncapi_document() -> Tagged:
    return tagged(msgspec.json.encode(asyncapi()), "application/json")


def schema_document(file_name: str) -> Tagged | None:
    """The schema of that file name; None for none of ours."""
    return _schema_documents().get(file_name)


@cache
def _schema_documents() -> dict[str, Tagged]:
    return {
        name + _SUFFIX: tagged(msgspec.json.encode(standing_alone(name)), "application/schema+json")
        for name in schemas()
    }
