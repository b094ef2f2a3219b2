"""Dead letters over HTTP, for operators: which there are, what is in one, hand out again or drop.

A list has no text: whoever wants to read one asks for that one.
"""

import asyncio
import re
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import TypeVar

import msgspec
from aiohttp import web

from consumers.dead import DeadLetters, dig_out, known_groups
from messenger.entries import EntryId
from messenger.errors import BadRequest, Gone, NotFound, StoreUnavailable
from messenger.letters import Letter, Verb
from messenger.log import Log, Logs
from messenger.loops import AWAY
from web.answers import json_answer
from web.appkeys import AUDIT, FEED, LOGS
from web.queries import message_of
from web.tokens import require_operator

# So many of each group are listed on each partition, those that were buried first.
_MOST = 100
_ERROR_LENGTH = 200
# A store that does not answer by then is away.
_PATIENCE_S = 5.0

_T = TypeVar("_T")
_encode = msgspec.json.Encoder().encode


class ListedLetter(msgspec.Struct, frozen=True):
    """A letter without what is in it. `error` is the first line of the reason, cut at 200 characters;
    `room` and `type` are empty where the entry has none."""

    entry: str
    group: str
    partition: int
    room: str
    type: str
    error: str
    attempts: int
    buried_at: int
    expires_at: int


class Letters(msgspec.Struct, frozen=True):
    """`is_whole`: no group has more than are told."""

    now: int
    letters: list[ListedLetter]
    is_whole: bool


class Dug(msgspec.Struct, frozen=True):
    """`gone` can't be handed out again: their entries are no more in the log, and their letters stay."""

    done: int
    gone: list[str]


async def listed(request: web.Request) -> web.Response:
    """The letters of all groups, or with `group` of one, in the order in which they were buried."""
    require_operator(request)
    found, is_whole = await _reach(_all(request.app[LOGS], request.query.get("group")))
    found.sort(key=lambda each: each.buried_at)
    answer = Letters(
        request.app[FEED].clock.now(), [_without_text(each) for each in found], is_whole
    )
    return json_answer(_encode(answer))


async def shown(request: web.Request) -> web.Response:
    """One letter with all that it holds."""
    require_operator(request)
    with _noted(request, "read letter"):
        found = await _reach(_find(request))
    return json_answer(_encode(found))


async def requeue(request: web.Request) -> web.Response:
    return await _dig_one(request, "requeue")


async def drop(request: web.Request) -> web.Response:
    return await _dig_one(request, "drop")


async def requeue_all(request: web.Request) -> web.Response:
    return await _dig_all(request, "requeue")


async def drop_all(request: web.Request) -> web.Response:
    return await _dig_all(request, "drop")


async def _all(logs: Logs, group: str | None) -> tuple[list[Letter], bool]:
    known = await known_groups(logs)
    chosen = known if group is None else [_check(group, known)]
    found: list[Letter] = []
    is_whole = True
    for log in logs.all:
        for name in chosen:
            first = len(found)
            async for letter in DeadLetters(log, name).all():
                if len(found) - first == _MOST:
                    is_whole = False
                    break
                found.append(letter)
    return found, is_whole


async def _find(request: web.Request) -> Letter:
    log, entry, group = _named(request)
    found = await DeadLetters(log, group).find(entry)
    if found is None:
        raise NotFound(
            "the group has no such dead letter (any more): it was handed out again, was dropped, "
            "or its time is over",
            code="letter-not-found",
        )
    return found


async def _dig_one(request: web.Request, verb: Verb) -> web.Response:
    require_operator(request)
    log, entry, group = _named(request)
    with _noted(request, f"{verb} letter"):
        await _reach(_find(request))
        done, gone = await _reach(dig_out(verb, group, [(log, [entry])]))
        if gone:
            raise Gone(
                "it can't be handed out again: its entry is no more in the log", code="entry-gone"
            )
    return json_answer(_encode(Dug(done, [])))


async def _dig_all(request: web.Request, verb: Verb) -> web.Response:
    require_operator(request)
    logs, group = request.app[LOGS], request.match_info["group"]
    _check(group, await _reach(known_groups(logs)))
    with _noted(request, f"{verb} letters"):
        done, gone = await _reach(dig_out(verb, group, [(log, None) for log in logs.all]))
    return json_answer(_encode(Dug(done, [str(each) for each in gone])))


def _noted(request: web.Request, act: str) -> AbstractContextManager[None]:
    """By group, partition and entry, as far as the path names them: ids, and a name of an operator's."""
    of = "/".join(request.match_info.values())
    return request.app[AUDIT].act(request, act, of)


def _named(request: web.Request) -> tuple[Log, EntryId, str]:
    """The log, the entry and the group that the path names."""
    logs, number = request.app[LOGS].all, request.match_info["partition"]
    if not re.fullmatch(r"\d{1,4}", number, re.ASCII) or int(number) >= len(logs):
        raise BadRequest(f"a partition is from 0 to {len(logs) - 1}", code="bad-id")
    return logs[int(number)], message_of(request), request.match_info["group"]


def _check(group: str, known: list[str]) -> str:
    if group not in known:
        raise NotFound("there is no such consumer group", code="group-not-found")
    return group


def _without_text(letter: Letter) -> ListedLetter:
    return ListedLetter(
        entry=letter.entry,
        group=letter.group,
        partition=letter.partition,
        room=letter.fields.get("room", ""),
        type=letter.fields.get("type", ""),
        error=letter.error.partition("\n")[0][:_ERROR_LENGTH],
        attempts=letter.attempts,
        buried_at=letter.buried_at,
        expires_at=letter.expires_at,
    )


async def _reach(asked: Awaitable[_T]) -> _T:
    """What the store tells; StoreUnavailable if it is away or does not answer in time."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asked
    except (*AWAY, TimeoutError):
        raise StoreUnavailable("the store does not answer") from None
