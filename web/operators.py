"""Who holds the operator's token."""

import hmac

from aiohttp import web

from messenger.errors import NotAllowed
from web.appkeys import SETTINGS
from web.queries import bearer_of


def is_operator(request: web.Request) -> bool:
    token, admin = bearer_of(request), request.app[SETTINGS].admin_token
    if token is None or admin is None:
        return False
    return hmac.compare_digest(token, admin.encode())


def require_operator(request: web.Request) -> None:
    """Raises NotAllowed; the refusal is the same for an absent token, a wrong one, and where none is
    set."""
    if not is_operator(request):
        raise NotAllowed("this takes the operator's token, which MESSENGER_ADMIN_TOKEN sets")
