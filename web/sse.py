"""Server-sent events: the one encoder of the format (html.spec.whatwg.org, 9.2)."""

import random
from collections.abc import Sequence
from functools import singledispatch

import msgspec

from messenger.entries import EntryId
from web.live import Erased, Farewell, Gap, Held, Hello, Live, Present

_json = msgspec.json.Encoder().encode

# A restart ends all streams at once: they come back spread over this long.
_RETRY_MS = (500, 3_000)


def encode(events: Sequence[Live]) -> bytes:
    """The frames of some events, joined: one write for all of them."""
    return b"".join(map(_frame, events))


def encode_chunk(events: Sequence[Live]) -> bytes:
    """The same as one chunk of a chunked HTTP/1.1 body (RFC 9112, 7.1)."""
    return chunk(encode(events))


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def heartbeat(position: EntryId) -> bytes:
    """A comment against proxies that cut silent streams, and the id up to which the reader has
    everything: a frame without data moves the reader's last id and shows nothing. So a quiet room's
    cursor does not fall out of the window."""
    return b": %d\nid: %b\n\n" % (position.ms, str(position).encode())


@singledispatch
def _frame(event: Live) -> bytes:
    raise NotImplementedError(type(event))


@_frame.register
def _(event: Held) -> bytes:
    return b"id: %d-%d\nevent: message\ndata: %b\n\n" % (*event.id, event.body)


@_frame.register
def _(event: Erased) -> bytes:
    data = _json({"room": event.room, "message": event.message, "by": event.by})
    return b"id: %d-%d\nevent: erased\ndata: %b\n\n" % (*event.id, data)


@_frame.register
def _(event: Hello) -> bytes:
    data = _json(
        {
            "cursor": str(event.cursor),
            "epoch": event.epoch,
            "now": event.now,
            "window": event.window,
            "here": event.here,
        }
    )
    retry = random.randint(*_RETRY_MS)
    return b"retry: %d\nid: %d-%d\nevent: hello\ndata: %b\n\n" % (retry, *event.cursor, data)


@_frame.register
def _(event: Gap) -> bytes:
    data = _json({"reason": event.reason, "after": str(event.after), "until": str(event.until)})
    return b"id: %d-%d\nevent: gap\ndata: %b\n\n" % (*event.until, data)


@_frame.register
def _(event: Present) -> bytes:
    return b"event: present\ndata: %b\n\n" % _json({"room": event.room, "here": event.here})


@_frame.register
def _(event: Farewell) -> bytes:
    return b'event: farewell\ndata: {"reason":"%b"}\n\n' % event.reason.encode()
