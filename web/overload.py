"""A connection that there is no room for: it is told so at once, and its request is not read."""

import asyncio
from typing import cast

import msgspec

from messenger.errors import Overloaded
from web import problems
from web.answers import EVERYWHERE

# Who is refused may go on sending for so long: a connection that is closed while bytes still come is
# reset, and what was said last may go with it (RFC 9112, 9.6). More than so many at a time are closed.
_LINGER_S = 1.0
_LINGERING = 64


class Refused(asyncio.Protocol):
    lingering = 0

    def __init__(self) -> None:
        self._lingers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their shape only.
        to = cast("asyncio.Transport", transport)
        to.write(_REFUSAL)
        if Refused.lingering >= _LINGERING:
            to.close()
            return
        self._lingers = True
        Refused.lingering += 1
        to.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, to.abort)

    def connection_lost(self, error: Exception | None) -> None:
        if self._lingers:
            Refused.lingering -= 1


def _refusal() -> bytes:
    error = Overloaded("this process has as many connections as it can take; try again in a moment")
    status, title = problems.status_of(error)
    body = msgspec.json.encode(
        problems.body_of(status, error.code, title, error.detail, "/", error.facts)
    )
    fields = {
        "Content-Type": problems.CONTENT_TYPE,
        "Content-Length": len(body),
        "Cache-Control": "no-store",
        "Retry-After": error.retry_after,
        "Connection": "close",
        **EVERYWHERE,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Service Unavailable\r\n{head}\r\n".encode() + body


_REFUSAL = _refusal()
