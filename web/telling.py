"""The words of each event, the same in every format: its name, its data, its id."""

from functools import singledispatch

import msgspec

from messenger.entries import EntryId
from web import shapes
from web.live import Beat, Erased, Farewell, Gap, Held, Hello, Live, Present, Told

_json = msgspec.json.Encoder().encode


@singledispatch
def tell(event: Live) -> Told:
    raise NotImplementedError(type(event))


@tell.register
def _(event: Told) -> Told:
    return event


@tell.register
def _(event: Held) -> Told:
    return Told(b"message", event.body, _written(event.id))


@tell.register
def _(event: Erased) -> Told:
    data = shapes.Erased(event.room, event.message, event.by)
    return Told(b"erased", _json(data), _written(event.id))


@tell.register
def _(event: Hello) -> Told:
    data = shapes.Hello(str(event.cursor), event.epoch, event.now, event.window, event.here)
    return Told(b"hello", _json(data), _written(event.cursor))


@tell.register
def _(event: Gap) -> Told:
    """A gap moves no cursor: messages from before its end may follow. A new history does: nothing of
    the old one is to be resumed."""
    data = shapes.Gap(event.reason, str(event.after), str(event.until))
    return Told(b"gap", _json(data), _written(event.until) if event.reason == "reset" else b"")


@tell.register
def _(event: Present) -> Told:
    return Told(b"present", _json(shapes.Present(event.room, event.here)))


@tell.register
def _(event: Beat) -> Told:
    return Told(b"heartbeat", b'{"now":%d}' % event.now, _written(event.position))


@tell.register
def _(event: Farewell) -> Told:
    return Told(b"farewell", _json(shapes.Farewell(event.reason)))


def _written(entry_id: EntryId) -> bytes:
    return b"%d-%d" % entry_id
