"""Answers that take a while to be taken: so many bytes of them may lie here, and each has so long. So a
list is neither kept for ever by who does not read it, nor a way to fill our memory."""

import asyncio
from collections.abc import Sequence
from typing import cast

from aiohttp import web

from web.answers import JSON_HEAD
from web.direct import Direct
from web.patience import reset

# 70 kB a second for the longest of lists.
_TAKE_S = 60.0
# Sixteen of the longest, over all connections.
_MOST_BYTES = 64 * 2**20


class LongAnswers:
    """`untaken` is how many bytes of them lie here; what several send is counted for each."""

    def __init__(self) -> None:
        self.untaken = 0

    @property
    def has_room(self) -> bool:
        return self.untaken < _MOST_BYTES

    async def wait(self, request: web.BaseRequest, transport: asyncio.Transport) -> None:
        """Waits until one was taken. Raises ConnectionResetError where that takes too long."""
        size = transport.get_write_buffer_size()
        self.untaken += size
        try:
            async with asyncio.timeout(_TAKE_S):
                await request.writer.drain()
        except TimeoutError:
            reset(transport)
            raise ConnectionResetError("a long answer was not taken in time") from None
        finally:
            self.untaken -= size


def long_json(among: LongAnswers, *body: bytes, more: bytes) -> web.StreamResponse:
    """As direct_json, for a body that may be long. Its bytes are not copied: many may be sending the
    same."""
    return cast("web.StreamResponse", _Long(among, JSON_HEAD + more, *body))


class _Long(Direct):
    __slots__ = ("_among",)

    def __init__(self, among: LongAnswers, head: bytes, *body: bytes) -> None:
        super().__init__(200, head, *body)
        self._among = among

    def _write(self, transport: asyncio.Transport, pieces: Sequence[bytes]) -> None:
        transport.writelines(pieces)

    async def _taken(self, request: web.BaseRequest, transport: asyncio.Transport) -> None:
        await self._among.wait(request, transport)
