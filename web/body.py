"""Reading a request's body: bytes first, decoded by us. aiohttp's own decoding turns bad input into
crashes, and believes any charset."""

import asyncio
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
from aiohttp import StreamReader, web
from msgspec import Meta

from messenger import durations, wording
from messenger.errors import BadField, BadMedia, BadRequest, TooLarge, TooSlow

# 2,000 characters, each written as two \uXXXX escapes, and the rest of the object.
LIMIT = 32 * 1024
_FINISH_S = 10.0
_FORM_FIELDS = 10


class PostBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a post's JSON holds."""

    text: Annotated[
        str,
        Meta(
            description="With something in it that can be seen, and kept byte for byte. No controls "
            "but line feed and tab, no bidirectional embeddings or overrides, isolates only in "
            "pairs, at most 8 combining marks in a row.",
            examples=["hello"],
            extra_json_schema={"minLength": 1, "maxLength": wording.TEXT_LENGTH},
        ),
    ]
    author: Annotated[
        str,
        Meta(
            description="A name in one line; `anonymous` if there is none.",
            examples=["Ann"],
            extra_json_schema={"maxLength": wording.AUTHOR_LENGTH},
        ),
    ] = ""
    ttl: Annotated[
        Annotated[int, Meta(extra_json_schema={"minimum": 1_000})]
        | Annotated[str, Meta(extra_json_schema={"pattern": durations.PATTERN})]
        | None,
        Meta(
            description="Its life: milliseconds, or a duration such as `30s`; from one second up to "
            "the window. The window if there is none.",
            examples=["30s"],
        ),
    ] = None


_decode_post = msgspec.json.Decoder(PostBody).decode


async def read_post(request: web.Request) -> PostBody:
    """The body of a post. Raises what the table of bad input in docs/http.md says."""
    _require_media(request, "application/json")
    body = await _read(request)
    try:
        return _decode_post(body)
    except msgspec.ValidationError as error:
        raise bad_field(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from None


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of an urlencoded form. Browsers send line breaks as CR LF; a text has LF."""
    _require_media(request, "application/x-www-form-urlencoded")
    try:
        body = (await _read(request)).decode("ascii")
        pairs = parse_qsl(
            body, keep_blank_values=True, errors="strict", max_num_fields=_FORM_FIELDS
        )
    except UnicodeDecodeError:
        raise BadRequest("the form is not UTF-8", code="not-utf8") from None
    except ValueError:
        raise BadRequest(
            f"the form has more than {_FORM_FIELDS} fields", code="bad-query"
        ) from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def _require_media(request: web.Request, wanted: str) -> None:
    if "Content-Encoding" in request.headers:
        raise BadMedia("a body with a Content-Encoding is not taken", wanted=wanted)
    given = request.headers.get("Content-Type", "")
    media, _, parameters = given.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media.strip().lower() != wanted or charset not in ("", "charset=utf-8"):
        raise BadMedia(f"the body must be {wanted}, in UTF-8", wanted=wanted)


async def _read(request: web.Request) -> bytes:
    """The whole body. One that came with its headers costs no timer."""
    length = request.content_length
    if length is not None and length > LIMIT:
        raise TooLarge(f"the body has {length} bytes; {LIMIT} are allowed", limit=LIMIT, got=length)
    if length and request.content.is_eof():
        return _arrived(request.content)
    try:
        async with asyncio.timeout(_FINISH_S):
            body = await request.read()
    except TimeoutError:
        raise TooSlow(f"the body was not finished within {_FINISH_S:.0f} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"the body is longer than {LIMIT} bytes", limit=LIMIT) from None
    except web.RequestPayloadError:
        raise BadRequest("the body's transfer encoding is broken", code="malformed-json") from None
    # aiohttp keeps a request until the next one on its connection.
    request._read_bytes = None  # noqa: SLF001
    return body


def _arrived(content: StreamReader) -> bytes:
    """All of a body that came with its headers. Past the stream's own reading, which looks for more to
    parse each time: as long as such a body has all it takes. The stream, which aiohttp keeps until the
    next request, is left with nothing in it."""
    body = b"".join(content._buffer)  # noqa: SLF001
    content._buffer.clear()  # noqa: SLF001
    return body


def _malformed(body: bytes, error: Exception) -> BadRequest:
    try:
        body.decode()
    except UnicodeDecodeError as bad:
        return BadRequest(f"the body is not UTF-8 at its byte {bad.start}", code="not-utf8")
    if isinstance(error, RecursionError):
        return BadRequest("the body is nested too deep", code="malformed-json")
    return BadRequest(f"the body is not JSON: {error}", code="malformed-json")


def bad_field(error: msgspec.ValidationError) -> BadField:
    """msgspec's words name the field as `$.text`; a request's own bytes are cut short."""
    words = str(error).replace("`$.", "`")[:200]
    is_ttl = "`ttl`" in words or "`post.ttl`" in words
    return BadField(words, code="invalid-ttl" if is_ttl else None)
