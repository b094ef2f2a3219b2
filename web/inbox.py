"""What a socket's client sends: posts, answered one after another, in the order in which they came."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from messenger import wording
from messenger.errors import BadField, MessengerError
from web import problems
from web.appkeys import METRICS
from web.body import PostBody, bad_field
from web.live import Told
from web.posting import Posted, publish
from web.shapes import Problem

log = logging.getLogger(__name__)

# So many frames wait for the one before them; past it reading stops until a place is free.
_PLACES = 8

_encode = msgspec.json.Encoder().encode


Key = Annotated[
    str,
    Meta(
        description="The post's Idempotency-Key: 1 to 200 visible ASCII characters. It comes back "
        "with the answer.",
        examples=["4711"],
    ),
]


class SocketPost(msgspec.Struct, forbid_unknown_fields=True):
    """A post by a WebSocket."""

    post: PostBody
    key: Key | None = None


class SocketPosted(Posted, frozen=True, kw_only=True):
    """The answer to a post by a WebSocket."""

    key: Key | UnsetType = UNSET


class SocketRefused(Problem, frozen=True, omit_defaults=True, kw_only=True):
    """The refusal of a post by a WebSocket. `retry_after` stands where POST has the header."""

    key: Key | UnsetType = UNSET


class _Keyed(msgspec.Struct):
    """A frame that is refused whole may still have a key to answer by."""

    key: str | None = None


_read_frame = msgspec.json.Decoder(SocketPost).decode
_read_keyed = msgspec.json.Decoder(_Keyed).decode


class _NotJson(Exception):
    """A frame is no JSON: nothing that its sender says is to be understood."""


class Inbox:
    """Answers by `say`; a frame that is no JSON ends all, and `break_off` is told. Without a room all
    is refused."""

    def __init__(
        self,
        request: web.Request,
        room: str | None,
        say: Callable[[Told], None],
        break_off: Callable[[], None],
    ) -> None:
        self._request = request
        self._room = room
        self._say = say
        self._break_off = break_off
        self._frames: deque[str] = deque()
        self._places = asyncio.Semaphore(_PLACES)
        self._work: asyncio.Task[None] | None = None
        self._is_closed = False

    async def take(self, text: str) -> None:
        """Waits only for a free place, so that pings and the close are read while a post is slow."""
        if self._is_closed:
            return
        await self._places.acquire()
        self._frames.append(text)
        if self._work is None:
            self._work = asyncio.create_task(self._answer_all())

    async def answered(self, within_s: float) -> None:
        """Waits until all that was taken has been answered, but no longer than that."""
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=within_s)

    def finish(self, then: Callable[[], None]) -> None:
        """Answers the post that is under way and no other; then calls `then`."""
        self._is_closed = True
        if self._work is None:
            then()
        else:
            self._work.add_done_callback(lambda _: then())

    def stop(self) -> None:
        self._is_closed = True
        if self._work is not None:
            self._work.cancel()

    async def _answer_all(self) -> None:
        try:
            while self._frames:
                text = self._frames.popleft()
                if not self._is_closed:
                    await self._answer(text)
                self._places.release()
        finally:
            self._work = None

    async def _answer(self, text: str) -> None:
        try:
            self._say(await self._told(text))
        except _NotJson:
            self._is_closed = True
            self._break_off()

    async def _told(self, text: str) -> Told:
        key = None
        try:
            frame = _read(text)
            key = frame.key
            if key is not None:
                wording.check_key(key)
            if self._room is None:
                raise BadField("this socket takes no posts: it is no room's")
            posted, _ = await publish(self._request, self._room, key, frame.post)
            return _told(b"posted", msgspec.structs.asdict(posted), key)
        except MessengerError as error:
            self._request.app[METRICS].refused(error.code)
            problem = problems.body(error, self._request.path)
            return _told(b"refused", problem, key or _key_of(text))
        except _NotJson:
            raise
        except Exception:
            log.exception("a post by a socket crashed")
            return _told(b"refused", problems.crash(self._request.path), key)


def _read(text: str) -> SocketPost:
    try:
        return _read_frame(text)
    except msgspec.ValidationError as error:
        raise bad_field(error) from None
    except (msgspec.DecodeError, RecursionError):
        raise _NotJson from None


def _key_of(text: str) -> str | None:
    try:
        return _read_keyed(text).key
    except (msgspec.DecodeError, RecursionError):
        return None


def _told(name: bytes, data: Mapping[str, object], key: str | None) -> Told:
    return Told(name, _encode(data if key is None else {**data, "key": key}))
