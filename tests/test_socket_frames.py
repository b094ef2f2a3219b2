"""Frames: ours are right whatever their length, and no bytes of a client's do any harm."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator

import pytest
from aiohttp import WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.base_protocol import BaseProtocol
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messenger.entries import EntryId
from messenger.settings import load
from tests.conversations import CLOSE, PING, PONG, TEXT, RawSocket, masked
from tests.private_store import PrivateStore
from tests.serving import serving_in_thread
from web import frames
from web.live import Beat, Erased, Farewell, Gap, Held, Hello, Live, Present

ID = EntryId(1_764_000_000_000, 7)
EVENTS: list[Live] = [
    Hello(ID, "epoch", 1, 2, 3),
    Held(ID, 2**60, b'{"text":"x"}'),
    Erased(ID, 2**60, "gr\u00f6\u00dfe", "1-1", "author"),
    Gap("expired", EntryId(1, 0), ID),
    Gap("reset", EntryId(1, 0), ID),
    Present("gr\u00f6\u00dfe", 2),
    Beat(ID, 5),
    Farewell("slow"),
]


async def read_back(raw: bytes) -> list[tuple[WSMsgType, object]]:
    """What another reader makes of frames."""
    loop = asyncio.get_running_loop()
    queue = WebSocketDataQueue(BaseProtocol(loop), 2**24, loop=loop)
    reader = WebSocketReader(queue, 2**24, compress=False, decode_text=True)
    assert reader.feed_data(raw) == (False, b"")
    return [(message.type, message.data) for message, _ in queue._buffer]


async def test_each_event_is_a_message_with_its_name_data_and_id() -> None:
    """Joined in one write they are still one message each; an id is there where it moves a cursor."""
    found = [json.loads(str(data)) for _, data in await read_back(frames.encode(EVENTS))]
    names = ["hello", "message", "erased", "gap", "gap", "present", "heartbeat", "farewell"]
    assert [each["event"] for each in found] == names
    ids = [str(ID), str(ID), str(ID), None, str(ID), None, str(ID), None]
    assert [each.get("id") for each in found] == ids
    assert found[1]["data"] == {"text": "x"}
    assert found[2]["data"] == {"room": "gr\u00f6\u00dfe", "message": "1-1", "by": "author"}
    assert found[6]["data"] == {"now": 5}


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
async def test_a_length_has_its_shortest_form(size: int) -> None:
    """Each of the three forms is read back whole."""
    around = len(b'{"event":"message","id":"1764000000000-7","data":}')
    body = b"x" * max(0, size - around)
    raw = frames.encode([Held(ID, 2**60, body)])
    payload = max(size, around)
    assert len(raw) - payload == (2 if payload < 126 else 4 if payload < 2**16 else 10)
    ((kind, data),) = await read_back(raw)
    assert kind is WSMsgType.TEXT
    assert str(data).endswith(body.decode() + "}")


async def test_control_frames_are_read_back() -> None:
    """A pong with what it answers; a close with its code, or without."""
    raw = frames.pong(b"x" * 125) + frames.close(4_008) + frames.close(None)
    assert await read_back(raw) == [
        (WSMsgType.PONG, b"x" * 125),
        (WSMsgType.CLOSE, 4_008),
        (WSMsgType.CLOSE, 0),
    ]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    private = PrivateStore()
    private.start()
    with serving_in_thread(
        private.url,
        load({"port": "0", "post_rate": "off", "room_rate": "off", "new_room_rate": "off"}),
    ) as url:
        yield url
    private.remove()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_post = st.fixed_dictionaries(
    {}, optional={"text": _json, "author": _json, "ttl": _json, "key": _json, "post": _json}
)
_asked = st.fixed_dictionaries({"post": _post | _json}, optional={"key": _json, "more": _json})
_payload = st.one_of(
    st.binary(max_size=200),
    st.binary(min_size=4_090, max_size=4_100),
    _json.map(lambda value: json.dumps(value).encode()),
    _asked.map(lambda value: json.dumps(value).encode()),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
_frame = st.builds(
    masked,
    st.integers(0, 15),
    _payload,
    is_last=st.booleans(),
    size=st.none() | st.integers(0, 2**63),
)
_text = st.builds(masked, st.just(TEXT), _payload)
# A code that may or may not be sent, and a reason of any bytes, longer than one may be too.
_close = st.builds(
    lambda code, reason: masked(CLOSE, code.to_bytes(2, "big") + reason),
    st.one_of(
        st.integers(0, 2**16 - 1), st.sampled_from([1000, 1004, 1005, 1006, 1015, 2999, 5000])
    ),
    st.binary(max_size=130),
)
_unmasked = st.builds(lambda raw: raw[:1] + bytes([len(raw) % 126]) + raw, st.binary(min_size=1))
_sound = st.one_of(
    st.builds(masked, st.just(TEXT), _asked.map(lambda value: json.dumps(value).encode())),
    st.builds(masked, st.sampled_from([PING, PONG]), st.binary(max_size=125)),
)
# Mostly what is understood, so that something is left to break.
_spoken = st.tuples(
    st.lists(_sound, max_size=6),
    st.lists(st.one_of(_text, _frame, _close, _unmasked, st.binary()), max_size=2),
).map(lambda pair: pair[0] + pair[1])


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())


@settings(
    derandomize=True,
    database=None,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(spoken=_spoken)
def test_no_bytes_do_any_harm(address: str, spoken: list[bytes]) -> None:
    """Whatever a client sends, it is answered, refused, or ended by a code that may be sent; nothing
    hangs, nothing crashes, nothing is written that is no frame."""
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    try:
        asyncio.run(_speak(address, spoken))
    finally:
        logging.getLogger().removeHandler(errors)
    assert errors.records == []


async def _speak(address: str, spoken: list[bytes]) -> None:
    raw = await RawSocket.open(address)
    try:
        for each in spoken:
            raw.send(each)
        raw.send(masked(PING, b"understood"))
        code = await _heard(raw)
        assert code in (None, 1000, 1001, 1002, 1003, 1007, 1009) or 1012 <= code < 5_000
        assert code not in (1005, 1006, 1015)
        # On a busy machine it may be cut by now: the server waits for a second.
        with contextlib.suppress(OSError):
            raw.writer.write_eof()
        assert await raw.is_cut(3.0)
    finally:
        raw.close()


async def _heard(raw: RawSocket) -> int | None:
    """Up to the answer to the last ping, or to a close and its code. Where neither comes, the last
    frame was not whole, and more is waited for."""
    while True:
        try:
            frame = await raw.next(0.1)
        except TimeoutError:
            return None
        if frame == (PONG, b"understood"):
            return None
        if frame.kind == CLOSE:
            assert len(frame.payload) in (0, 2)
            return frame.code
        if frame.kind == TEXT:
            found = json.loads(frame.payload)
            assert found["event"] in ("hello", "message", "posted", "refused", "present")
            assert found["data"].get("code") != "internal"


@settings(
    derandomize=True,
    database=None,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(asked=st.lists(st.one_of(_asked, _json), max_size=20))
def test_whatever_is_json_is_answered(address: str, asked: list[object]) -> None:
    """Each frame has one answer, however many come at once."""
    sendable = [text for each in asked if "NaN" not in (text := json.dumps(each))]
    sendable = [text for text in sendable if "Infinity" not in text and "\\ud" not in text]
    assert asyncio.run(_ask(address, sendable)) == len(sendable)


async def _ask(address: str, asked: list[str]) -> int:
    raw = await RawSocket.open(address)
    answers = 0
    try:
        raw.send(b"".join(masked(TEXT, text.encode()) for text in asked))
        while answers < len(asked):
            name = json.loads((await raw.until(TEXT)).payload)["event"]
            answers += name in ("posted", "refused")
        raw.send(masked(CLOSE, b""))
        assert (await raw.until(CLOSE)).code is None
        return answers
    finally:
        raw.close()
