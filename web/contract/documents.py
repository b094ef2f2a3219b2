"""The documents as they are served: encoded once, each with the tag that names its bytes."""

from functools import cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from web.contract.asyncapi import asyncapi
from web.contract.openapi import openapi
from web.contract.schemas import schemas, standing_alone

_SUFFIX = ".json"


class Document(NamedTuple):
    body: bytes
    tag: str
    content_type: str


def document(body: bytes, content_type: str) -> Document:
    return Document(body, f'"{blake2b(body, digest_size=12).hexdigest()}"', content_type)


@cache
def openapi_document() -> Document:
    return document(msgspec.json.encode(openapi()), "application/json")


@cache
def asyncapi_document() -> Document:
    return document(msgspec.json.encode(asyncapi()), "application/json")


def schema_document(file_name: str) -> Document | None:
    """The schema of that file name; None for none of ours."""
    return _schema_documents().get(file_name)


@cache
def _schema_documents() -> dict[str, Document]:
    return {
        name + _SUFFIX: document(
            msgspec.json.encode(standing_alone(name)), "application/schema+json"
        )
        for name in schemas()
    }
