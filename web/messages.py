"""One message over HTTP: read it, erase it."""

from contextlib import AbstractContextManager, nullcontext

from aiohttp import web

from messenger import messages
from messenger.entries import EntryId
from messenger.errors import Gone, NotFound, Repartitioning
from messenger.log import REPARTITIONING, Log
from messenger.messages import Message
from web.answers import json_answer
from web.appkeys import AUDIT, FEED, LOGS
from web.queries import message_of, room_of, view_of
from web.tokens import is_operator, refusal, shows


async def one(request: web.Request) -> web.Response:
    room, message = room_of(request), message_of(request)
    if held := request.app[FEED].get(room, message):
        return json_answer(held.body)
    return json_answer(messages.encode(await _look_up(request, room, message)))


async def erase(request: web.Request) -> web.Response:
    room, message = room_of(request), message_of(request)
    log = request.app[LOGS].of(room)
    if request.app[FEED].of(room).log is not log:
        # Our own feed would go on showing it for a moment.
        raise Repartitioning(REPARTITIONING)
    by = await _eraser(request, log, message)
    with _noted(request, by, message):
        try:
            erased = await log.erase(room, message, by)
        except NotFound:
            await _look_up(request, room, message)  # it may be over, which is another answer
            raise
    await request.app[FEED].of(room).reached(erased)
    return web.Response(status=204)


def _noted(request: web.Request, by: str, message: EntryId) -> AbstractContextManager[None]:
    """An author's own erasure is nobody's business."""
    if by != "operator":
        return nullcontext()
    return request.app[AUDIT].act(request, "erase", str(message))


async def _look_up(request: web.Request, room: str, message: EntryId) -> Message:
    """A message that is not in memory. Raises Gone where its time is over, else NotFound."""
    feed = request.app[FEED]
    if message.ms + feed.of(room).window > feed.clock.now():
        found = await _living(request, room, message)
        if found.expires_at > feed.clock.now():
            return found
    raise Gone(f"the time of the message {message} is over")


async def _living(request: web.Request, room: str, message: EntryId) -> Message:
    """What the view has. Up to where messages were cut early none is there that ever was."""
    try:
        return await view_of(request, room).message(room, message)
    except NotFound:
        if message > request.app[FEED].of(room).trimmed_to:
            raise
        raise Gone(
            f"the message {message} was cut early, for the store was full", code="message-trimmed"
        ) from None


async def _eraser(request: web.Request, log: Log, message: EntryId) -> str:
    """Who may erase: the author by the token of the post, an operator by theirs. The refusal is the
    same for an absent token and a wrong one."""
    if log.facts is None:
        await log.settle()
    if is_operator(request):
        return "operator"
    if shows(request, log.erase_token(message)):
        return "author"
    raise refusal(request, "erasing takes the token that came with the post, or an operator's")
