"""What decodes bytes of others, each as a function of bytes that raises only where a promise is broken:
another error than the decoder's own, or a result that is not what it should be."""

import asyncio
import atexit
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from consumers.dead import _OWN, DeadLetters
from messenger import durations, lines, moments, pace, span, tracing, values, wording
from messenger.address import Address
from messenger.entries import EntryId, read_entry
from messenger.errors import MessengerError
from messenger.events import Malformed, MessageErased, MessagePosted
from messenger.keys import Keys
from web import body, cursors, inbox, links, problems, queries
from web.body import LIMIT
from web.operations import _encoder
from web.visitors import Visitors

NOW = 1_764_000_000_000
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)
# What a request stands on besides its head and body; made once, for it is slow.
_MADE = make_mocked_request("GET", "/")
_URL = URL("/")


class _Letters(DeadLetters):
    """Without a store: letters that have been read are decoded."""

    def __init__(self) -> None:
        self._keys, self._group = Keys(0), "mailer"


def _text(data: bytes) -> str:
    """As aiohttp gives a header's bytes: what is no UTF-8 is a lone surrogate."""
    return data.decode("utf-8", "surrogateescape")


def _request(data: bytes, method: str = "GET", path: str = "/", **fields: str) -> web.Request:
    reader = StreamReader(BaseProtocol(_LOOP), 2**16, loop=_LOOP)
    reader.feed_data(data)
    reader.feed_eof()
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    headers["Content-Length"] = str(len(data))
    message = RawRequestMessage(
        method, path, HttpVersion11, CIMultiDictProxy(headers), (), False, None, False, False, _URL
    )
    of = _MADE
    return web.Request(
        message, reader, of._protocol, of._payload_writer, of._task, of._loop, client_max_size=LIMIT
    )


def _now(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives; nothing has to be waited for."""
    return _LOOP.run_until_complete(work)


def _refusal(error: MessengerError) -> None:
    """A refusal can be told: its status is below 500, and its words can be encoded and are not long."""
    status, _ = problems.status_of(error)
    assert 400 <= status < 500
    said = problems.answer(error, "/").body
    assert isinstance(said, bytes)
    assert len(said) < 2_000


def _told(work: Callable[[], object]) -> Any:
    try:
        return work()
    except MessengerError as error:
        _refusal(error)


def post(data: bytes) -> None:
    """A post's JSON: what is taken has a text and an author that are what they were."""
    request = _request(data, "POST", Content_Type="application/json")
    found = _told(lambda: _now(body.read_post(request)))
    if found is not None:
        _told(lambda: wording.check_text(found.text).encode())
        _told(lambda: wording.check_author(found.author).encode())


def form(data: bytes) -> None:
    """The page's form."""
    kind = "application/x-www-form-urlencoded"
    found = _told(lambda: _now(body.read_form(_request(data, "POST", Content_Type=kind))))
    assert found is None or len(found) <= 10
    for value in (found or {}).values():
        value.encode()


def media(data: bytes) -> None:
    """A Content-Type."""
    request = _request(b"{}", "POST", Content_Type=_text(data))
    _told(lambda: _now(body.read_post(request)))
    _told(lambda: _now(body.read_form(request)))


def frame(data: bytes) -> None:
    """A message of a WebSocket, which has been found to be UTF-8."""
    text = data.decode("utf-8", "replace")
    with suppress(inbox._NotJson):
        _told(lambda: inbox._read(text))
    key = inbox._key_of(text)
    assert key is None or isinstance(key, str)


def entry(data: bytes) -> None:
    """An entry, whatever another program has written: its names and values in turn."""
    flat = data.split(b"\0")
    flat = flat[: len(flat) // 2 * 2]
    found = read_entry((b"1764000000000-0", flat))
    if isinstance(found.event, Malformed):
        assert len(found.event.reason) < 100
    if isinstance(found.event, MessagePosted | MessageErased):
        (line,) = lines.encode([found]).splitlines()
        assert lines.place(line) == (found.id, found.event.room)
    if found.traceparent is not None:
        found.traceparent.encode()


def letter(data: bytes) -> None:
    """A dead letter, whatever its entry held."""
    flat = data.split(b"\0")
    flat = flat[: len(flat) // 2 * 2]
    own = [each for name in _OWN for each in (name.encode(), b"1")]
    msgspec.json.encode(_Letters()._letter(b"1764000000000-0", own + flat, NOW))


def line(data: bytes) -> None:
    """A line of a replay that is gone on with."""
    with suppress(ValueError):
        found, room = lines.place(data)
        assert EntryId.parse(str(found)) == found
        assert isinstance(room, str)


def cursor(data: bytes) -> None:
    """A cursor of one partition and of three: what is read is what is written again."""
    text = _text(data)
    for partitions in (1, 3):
        with suppress(ValueError):
            ids = cursors.parse(text, partitions)
            assert len(ids) == partitions
            assert cursors.parse(cursors.write(ids), partitions) == ids
    _told(lambda: queries.cursor_of(_request(b"", Last_Event_ID=text)))
    _told(lambda: queries.idempotency_key_of(_request(b"", Idempotency_Key=text)))
    queries.bearer_of(_request(b"", Authorization=text))


def moment(data: bytes) -> None:
    """Moments, durations, paces and spans."""
    text = _text(data)
    for parse in (moments.parse, moments.parse_end):
        with suppress(ValueError):
            found = parse(text, NOW)
            assert EntryId.parse(str(found)) == found
    with suppress(ValueError):
        ms = durations.parse(text)
        assert durations.parse(durations.write(ms)) == ms
    with suppress(ValueError):
        speed = pace.parse(text)
        assert speed is None or 0 < speed <= 1_000_000
    since, _, until = text.partition(" ")
    until = until or "now"
    room = _told(lambda: span.check(since, until, text[:9]))
    _told(lambda: span.read(since, until, room, NOW, EntryId(NOW, 0)))


def words(data: bytes) -> None:
    """Texts and names: the same again, or a refusal that can be told."""
    text = _text(data)
    for check in (wording.check_text, wording.check_author, wording.check_room, wording.check_key):
        found = _told(partial(check, text))
        if found is not None:
            found.encode()
    parts = links.parts(text)
    assert "".join(each.text for each in parts) == text
    assert all(each.text.lower().startswith("http") for each in parts if each.is_link)


def address(data: bytes) -> None:
    """A store's URL, and the other settings."""
    text = _text(data)
    for parse in (
        values.window, values.host, values.rate, values.max_store_mb, values.token, values.networks,
        values.whole(0, 9), values.switch, values.durability,
    ):  # fmt: skip
        with suppress(ValueError):
            parse(text)
    with suppress(ValueError):
        url = values.store_url(text)
        if url is not None:
            Address.parse(url).greeting()


def forwarded(data: bytes) -> None:
    """X-Forwarded-For, and what a scraper accepts."""
    text = _text(data)
    visitors = Visitors(values.networks("127.0.0.1,::1"))
    request = _request(b"", X_Forwarded_For=text)
    for peer in ("127.0.0.1", text):
        name = visitors.of(request.clone(remote=peer), b"secret")
        assert len(name) == 24
    _, content_type = _encoder(text)
    assert content_type.isascii()


def trace(data: bytes) -> None:
    """A caller's traceparent, and those that entries are linked to."""
    text = _text(data)
    with tracing.span("x", tracing.SpanKind.SERVER, {}, parent=text, links=[text]):
        found = tracing.traceparent()
    assert found is None or found.isascii()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        post, form, media, frame, entry, letter, line, cursor, moment, words, address, forwarded,
        trace,
    )
}  # fmt: skip
