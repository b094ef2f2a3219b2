"""The one map from what can go wrong to HTTP: a status, a title, application/problem+json (RFC 9457)."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from messenger import errors
from messenger.errors import MessengerError
from web import ratelimits

# By code where one class has several statuses, else by class.
_BY_CODE = {
    "key-reused": (422, "Idempotency-Key used before"),
    "message-erased": (410, "Message erased"),
    "message-trimmed": (410, "Message cut early"),
    "group-not-found": (404, "Group not found"),
    "letter-not-found": (404, "Dead letter not found"),
    "entry-gone": (410, "Entry gone"),
    "room-too-fast": (429, "Too many posts in this room"),
    "too-many-rooms": (429, "Too many new rooms"),
}
_BY_CLASS: dict[type[MessengerError], tuple[int, str]] = {
    errors.BadRequest: (400, "Bad request"),
    errors.BadField: (422, "Invalid field"),
    errors.BadMedia: (415, "Unsupported media type"),
    errors.TooLarge: (413, "Too large"),
    errors.TooSlow: (408, "Request not finished in time"),
    errors.CrossOrigin: (403, "Cross-origin request"),
    errors.UpgradeRequired: (426, "WebSocket required"),
    errors.NotAllowed: (401, "Not allowed"),
    errors.NotFound: (404, "Message not found"),
    errors.Gone: (410, "Message expired"),
    errors.TooFast: (429, "Too many posts"),
    errors.TooManyConnections: (429, "Too many connections"),
    errors.StoreFull: (503, "Store full"),
    errors.Repartitioning: (503, "Repartitioning"),
    errors.Unconfirmed: (503, "Not confirmed"),
    errors.StoreUnavailable: (503, "Store unavailable"),
    errors.Overloaded: (503, "Overloaded"),
    errors.Stopping: (503, "Stopping"),
    errors.SupervisorSilent: (503, "Supervisor silent"),
}
# aiohttp's own refusals, which come before any handler of ours.
FRAMEWORK = {
    404: ("not-found", "Not found", "there is nothing at this path"),
    405: ("method-not-allowed", "Method not allowed", "this path does not take this method"),
    413: ("too-large", "Too large", "the body is larger than this path takes"),
    417: ("expectation-failed", "Expectation failed", "only 100-continue can be expected"),
}
# What else is answered by us alone: for bytes that are no request, and for a mistake of ours.
UNREAD = (
    400,
    "malformed-request",
    "Malformed request",
    "this can't be read as an HTTP/1.1 request; a line of its head has 8,190 bytes at most, "
    "the whole of it 65,536",
)
CRASH = (500, "internal", "Internal error", "this is a mistake of ours")
# What is left of the body is not read then: the connection is of no more use.
UNREAD_BODY = (408, 413)
_FIELDS = {
    401: {"WWW-Authenticate": 'Bearer realm="messenger"'},
    # RFC 9110, 15.5.22; the version by RFC 6455, 4.4.
    426: {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
}

TYPE = "urn:messenger:problem:"
CONTENT_TYPE = "application/problem+json"


def status_of(error: MessengerError) -> tuple[int, str]:
    """The status and the title of an error. Every class of the tree that a request can meet has one."""
    found = status_of_code(type(error), error.code)
    if found is None:
        raise error
    return found


def status_of_code(kind: type[MessengerError], code: str) -> tuple[int, str] | None:
    """The same by an error's class and code; None for what no request can meet."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return next((_BY_CLASS[each] for each in kind.__mro__ if each in _BY_CLASS), None)


def answer(error: MessengerError, path: str) -> web.Response:
    status, title = status_of(error)
    headers = dict(_FIELDS.get(status, {}))
    if isinstance(error, errors.BadMedia):
        headers["Accept-Post"] = str(error.facts["wanted"])
    if isinstance(error, errors.TooFast) and error.standing is not None:
        headers |= ratelimits.fields([error.standing])
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = body_of(status, error.code, title, error.detail, path, error.facts)
    response = _problem(body, headers)
    if status in UNREAD_BODY:
        response.force_close()
    return response


def answer_framework(error: web.HTTPException, path: str) -> web.Response:
    """The same shape for what aiohttp refuses by itself."""
    code, title, detail = FRAMEWORK.get(
        error.status, ("refused", error.reason, "the request was refused")
    )
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return _problem(body_of(error.status, code, title, detail, path, {}), headers)


def answer_unread(path: str) -> web.Response:
    """For bytes that are no request."""
    return _problem(body_of(*UNREAD, path, {}), {})


def answer_crash(path: str) -> web.Response:
    """A mistake of ours: the log has the traceback, the reader has not."""
    return _problem(crash(path), {})


def crash(path: str) -> dict[str, str | int]:
    return body_of(*CRASH, path, {})


def body(error: MessengerError, path: str) -> dict[str, str | int]:
    """An error for where there are no headers: `retry_after`, in seconds, is a member."""
    status, title = status_of(error)
    facts = dict(error.facts)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        facts["retry_after"] = retry_after
    return body_of(status, error.code, title, error.detail, path, facts)


def _sound(text: str) -> str:
    """A header's or a path's bytes that are no text come as lone surrogates, which JSON can't hold."""
    return text.encode("utf-8", "replace").decode()


def body_of(
    status: int, code: str, title: str, detail: str, path: str, facts: Mapping[str, str | int]
) -> dict[str, str | int]:
    """The members of a problem, as shapes.Problem has them."""
    return {
        "type": TYPE + code,
        "title": title,
        "status": status,
        "detail": _sound(detail),
        "instance": _sound(path),
        "code": code,
        **facts,
    }


def _problem(body: dict[str, str | int], headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=int(body["status"]),
        body=msgspec.json.encode(body),
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **headers},
    )
