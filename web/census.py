"""One partition's census: this process's readers told to the store, the other processes' learned."""

import asyncio
import contextlib
import logging
import secrets
from typing import Annotated

import msgspec

from messenger.errors import StoreUnavailable
from messenger.log import Log
from messenger.loops import AWAY
from messenger.replies import Reply
from messenger.scripts import load
from web.here import Here

log = logging.getLogger(__name__)

_CENSUS = load("web", "census")

# Others see within two seconds who came and left. A process that says nothing for _DEAD_MS was killed;
# a live one gives four signs in that time.
_LOOK_S = 1.0
_SIGN_MS = 2_000
_DEAD_MS = 8_000
# After the store was away, or lost what it knew, every process needs this to come back to it: until
# then one that is missing is not taken for dead.
_RETURN_S = 5.0
_ANSWER_S = 1.0
_LEAVE_S = 0.5

_decode = msgspec.json.Decoder(dict[str, Annotated[int, msgspec.Meta(ge=1, le=10**9)]]).decode
_encode = msgspec.json.Encoder().encode


class Census:
    def __init__(self, of: Log, here: Here) -> None:
        self._pipe = of.store.pipe
        self._key = of.keys.here
        self._here = here
        self._process = secrets.token_hex(8)
        self._told = 0
        self._is_counted = False
        self._known: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._complete_at = float("-inf")

    @property
    def is_due(self) -> bool:
        is_old = asyncio.get_running_loop().time() - self._looked_at >= _LOOK_S
        return is_old or self._here.version != self._told

    async def exchange(self) -> None:
        """Tells and learns. Raises what AWAY names; what was known stays known then."""
        with_counts, was_counted = self._here.version != self._told, self._is_counted
        try:
            reply = await self._ask(with_counts=with_counts)
            if reply[0] and was_counted:
                self._wait_for_others()
            if reply[0] and not with_counts:
                reply = await self._ask(with_counts=True)
        except AWAY:
            self._wait_for_others()
            raise
        self._looked_at = asyncio.get_running_loop().time()
        self._learn(reply)

    async def leave(self) -> None:
        """At the stop the others need not wait to find out. A store that is away finds out itself."""
        name = self._process
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(_LEAVE_S):
                await self._pipe.call("HDEL", self._key, name, f"{name}:rooms")

    async def _ask(self, *, with_counts: bool) -> Reply:
        own, version = self._here.own, self._here.version
        is_counted = bool(own)
        known = [word for pair in self._known.items() for word in pair]
        counts = _encode(own) if is_counted and with_counts else b""
        try:
            async with asyncio.timeout(_ANSWER_S):
                reply = await self._pipe.run(
                    _CENSUS,
                    [self._key],
                    [
                        self._process,
                        version if is_counted else 0,
                        counts,
                        _SIGN_MS,
                        _DEAD_MS,
                        *known,
                    ],
                )
        except TimeoutError:
            raise StoreUnavailable("the store does not answer") from None
        self._told, self._is_counted = version, is_counted
        return reply

    def _learn(self, reply: Reply) -> None:
        found = set()
        for at in range(1, len(reply), 3):
            process, version, counts = reply[at].decode(), reply[at + 1].decode(), reply[at + 2]
            found.add(process)
            if self._known.get(process) != version:
                self._known[process] = version
                self._here.learn(process, _rooms_of(counts))
        if asyncio.get_running_loop().time() >= self._complete_at:
            for process in self._known.keys() - found:
                del self._known[process]
                self._here.learn(process, {})

    def _wait_for_others(self) -> None:
        self._complete_at = asyncio.get_running_loop().time() + _RETURN_S


def _rooms_of(counts: bytes) -> dict[str, int]:
    """Another process's counts. What no process of ours wrote stops nobody."""
    try:
        return _decode(counts)
    except (msgspec.DecodeError, UnicodeDecodeError):
        log.warning("the key of who is here holds what is no count; it counts as nobody")
        return {}
