"""Whose token a request shows: compared as bytes, for it may be anything, and in constant time."""

import hmac

from aiohttp import web

from messenger.errors import NotAllowed
from web.appkeys import AUDIT, SETTINGS
from web.queries import bearer_of


def shows(request: web.Request, token: str | None) -> bool:
    """Whether the request shows this token; nobody shows one that is not set."""
    shown = bearer_of(request)
    return shown is not None and token is not None and hmac.compare_digest(shown, token.encode())


def is_operator(request: web.Request) -> bool:
    if not shows(request, request.app[SETTINGS].admin_token):
        return False
    request.app[AUDIT].came(request)
    return True


def require_operator(request: web.Request) -> None:
    """Raises NotAllowed: the same for an absent token, a wrong one, and where none is set."""
    if not is_operator(request):
        raise refusal(request, "this takes the operator's token (MESSENGER_ADMIN_TOKEN)")


def refusal(request: web.Request, words: str) -> NotAllowed:
    """A refusal for want of a token, noted; the act is the route's pattern."""
    route = request.match_info.route.resource
    act = f"{request.method} {route.canonical if route else ''}".strip()
    result = "no token" if bearer_of(request) is None else "wrong token"
    request.app[AUDIT].refused(request, act, result)
    return NotAllowed(words)
