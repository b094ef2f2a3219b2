"""Whose token a request shows: compared as bytes, for it may be anything, and in constant time."""

import hmac

from aiohttp import web

from messenger.errors import NotAllowed
from web.appkeys import SETTINGS
from web.queries import bearer_of


def shows(request: web.Request, token: str | None) -> bool:
    """Whether the request shows this token; nobody shows one that is not set."""
    shown = bearer_of(request)
    return shown is not None and token is not None and hmac.compare_digest(shown, token.encode())


def is_operator(request: web.Request) -> bool:
    return shows(request, request.app[SETTINGS].admin_token)


def require_operator(request: web.Request) -> None:
    """Raises NotAllowed: the same for an absent token, a wrong one, and where none is set."""
    if not is_operator(request):
        raise NotAllowed("this takes the operator's token (MESSENGER_ADMIN_TOKEN)")
