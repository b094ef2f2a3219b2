"""What the page shows of messages and rooms, before any script runs. static/message.js and
static/rooms.js make the same of what comes later."""

from datetime import UTC, datetime
from typing import Any

from messenger import durations, messages
from messenger.lives import SHORTEST_TTL
from web import links
from web.feed import RoomFacts
from web.live import Held

# The last millisecond that Python can write; another program may have used any id.
_LATEST = 253_402_300_799_999
_LIVES = (10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000)
_HUES = 12
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000


def message(held: Held, now: int) -> dict[str, Any]:
    found = messages.decode(held.body)
    return {
        "id": found.id,
        "author": found.author,
        "initial": initial(found.author),
        "hue": hue(found.author),
        "parts": links.parts(found.text),
        "posted": _moment(found.created_at).isoformat(timespec="milliseconds"),
        "posted_short": _moment(found.created_at).strftime("%H:%M"),
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "gone": _moment(found.expires_at).strftime("%Y-%m-%d %H:%M:%S"),
        # What is left would be wrong a moment later, where no script corrects it.
        "gone_short": _moment(found.expires_at).strftime("%H:%M:%S"),
        "life": f"{(found.expires_at - found.created_at) / 1_000:.3f}",
        "age": f"{(now - found.created_at) / 1_000:.3f}",
        "rest": f"{max(0, found.expires_at - now) / 1_000:.3f}",
    }


def room(facts: RoomFacts, now: int) -> dict[str, Any]:
    return {"name": facts.room, "here": facts.here, "left": left(facts.expires_at - now)}


def lives(window: int) -> list[tuple[str, str]]:
    """The lives to choose from, as durations and in words: the window first, then what is shorter."""
    shorter = [life for life in _LIVES if SHORTEST_TTL <= life < window]
    return [(durations.write(life), _whole(life)) for life in (window, *reversed(shorter))]


def _whole(ms: int) -> str:
    """A duration in words where those are exact."""
    return (
        left(ms)
        if ms % _SECOND == 0 and (ms < _MINUTE or ms % _MINUTE == 0)
        else durations.write(ms)
    )


def left(ms: int) -> str:
    """How long something still lives, in the words of the page: the two largest units, or one."""
    if ms >= _DAY:
        return f"{ms // _DAY} d" + _some(ms % _DAY // _HOUR, "h")
    if ms >= _HOUR:
        return f"{ms // _HOUR} h" + _some(ms % _HOUR // _MINUTE, "min")
    if ms >= _MINUTE:
        return f"{ms // _MINUTE} min"
    return f"{-(-max(ms, 0) // _SECOND)} s"


def _some(number: int, unit: str) -> str:
    return f" {number} {unit}" if number else ""


def initial(author: str) -> str:
    """The letter in an author's face: the first that is one."""
    return next((character.upper() for character in author if character.isalpha()), "?")[:1]


def hue(author: str) -> int:
    """One of the faces' colours, the same for the same name."""
    found = 0
    for character in author:
        found = (found * 31 + ord(character)) % 4_093
    return found % _HUES


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(min(ms, _LATEST) / 1_000, UTC)
