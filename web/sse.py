"""Server-sent events: the one encoder of the format (html.spec.whatwg.org, 9.2)."""

import random
from collections.abc import Sequence

from web.live import Live
from web.telling import tell

# A restart ends all streams at once: they come back spread over this long.
_RETRY_MS = (500, 3_000)


def encode(events: Sequence[Live]) -> bytes:
    """The frames of some events, joined: one write for all of them."""
    return b"".join(map(_frame, events))


def encode_chunk(events: Sequence[Live]) -> bytes:
    """The same as one chunk of a chunked HTTP/1.1 body (RFC 9112, 7.1)."""
    body = encode(events)
    return b"%x\r\n%b\r\n" % (len(body), body)


def _frame(event: Live) -> bytes:
    name, data, entry_id = tell(event)
    if name == b"heartbeat":
        # A comment, and an id without data: it moves the reader's last id, and shows nothing.
        return b": %b\nid: %b\n\n" % (data, entry_id)
    retry = b"retry: %d\n" % random.randint(*_RETRY_MS) if name == b"hello" else b""
    identity = b"id: %b\n" % entry_id if entry_id else b""
    return b"%b%bevent: %b\ndata: %b\n\n" % (retry, identity, name, data)
