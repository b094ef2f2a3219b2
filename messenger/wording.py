"""What may stand in a text, a name and a room. A text is stored as it was sent, byte for byte.

The rules: RFC 9839's Unicode Assignables (no controls but line feed and tab, no surrogates, no
noncharacters), and against texts that look like what they are not (CVE-2021-42574) no bidirectional
embeddings or overrides, isolates only in pairs, and at most eight combining marks in a row.
"""

import re
import unicodedata
from functools import lru_cache

from messenger.errors import BadField, BadRequest
from messenger.keys import PROJECTOR

TEXT_LENGTH = 2_000
AUTHOR_LENGTH = 40
ROOM_LENGTH = 64
NOBODY = "anonymous"
UNLISTED = "~"

ROOM_FORM = (
    f"a room's name is 1 to {ROOM_LENGTH} letters, digits, '-', '_' or '.', "
    "and starts with a letter or a digit; '~' before it keeps it off the lists"
)

GROUP_FORM = (
    "a consumer group's name is 1 to 64 ASCII letters, digits, '-', '_' or '.', starts with a letter "
    "or a digit, and is not projector"
)

_MARKS_IN_A_ROW = 8
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\u202a-\u202e"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
_LINE_OR_TAB = re.compile("[\n\t]")
_ISOLATES = "\u2066\u2067\u2068"
_END_OF_ISOLATE = "\u2069"
# Letters and symbols that show nothing: fillers, the empty braille cell, a null notehead.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
# Marks that show nothing: joiners, variation selectors.
_UNSEEN_MARK = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_KEPT_UNSEEN = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_ROOM = re.compile(r"[^\W_][\w.\-]*")
_GROUP = re.compile(r"[A-Za-z0-9][\w.\-]{0,63}", re.ASCII)


def check_text(text: str) -> str:
    """The same text; BadField says which rule it breaks and where."""
    if not text:
        raise BadField("the text is empty", code="empty-message")
    if _is_plain(text) and len(text) <= TEXT_LENGTH:
        return text
    _check_length("the text", text, TEXT_LENGTH)
    _check_characters("the text", text)
    if not _shows(text):
        raise BadField("the text has nothing that can be seen", code="empty-message")
    return text


def check_author(author: str) -> str:
    """The same name, or the name of somebody who gave none."""
    if not author:
        return NOBODY
    if _is_plain(author) and len(author) <= AUTHOR_LENGTH:
        return author
    _check_length("the author", author, AUTHOR_LENGTH)
    _check_characters("the author", author)
    line = _LINE_OR_TAB.search(author)
    if line:
        raise _forbidden("the author", author, line.start())
    if not _shows(author):
        raise BadField("the author has nothing that can be seen", code="invalid-field")
    return author


@lru_cache(1_024)
def check_room(name: str) -> str:
    """The name in Unicode's composed form (NFC), so that one look is one room."""
    composed = name if name.isascii() else unicodedata.normalize("NFC", name)
    if len(composed) > ROOM_LENGTH or not _names_a_room(composed.removeprefix(UNLISTED)):
        raise BadRequest(ROOM_FORM, code="bad-room")
    return composed


def is_listed(room: str) -> bool:
    """Whether everyone is told of a room. Of another only those know who were told its name."""
    return not room.startswith(UNLISTED)


def check_key(key: str) -> str:
    """The same Idempotency-Key; its bytes are never kept, but a broken one is a mistake to tell of."""
    if not _KEY.fullmatch(key):
        raise BadRequest("an Idempotency-Key is 1 to 200 visible ASCII characters", code="bad-key")
    return key


def check_group(name: str) -> str:
    """The same name of a consumer group, if one of others' making may have it."""
    if not _GROUP.fullmatch(name) or name == PROJECTOR:
        raise BadRequest(GROUP_FORM, code="bad-group")
    return name


def check_consumer(name: str) -> str:
    """The same name of a consumer in a group."""
    if not _KEY.fullmatch(name):
        raise BadRequest(
            "a consumer's name is 1 to 200 visible ASCII characters", code="bad-consumer"
        )
    return name


def _names_a_room(name: str) -> bool:
    """Vowel signs belong to the letters of many scripts, but `\\w` leaves most of them out. What can't
    be seen could make two rooms look the same."""
    if name.isascii():
        return _ROOM.fullmatch(name) is not None
    letters = "".join(character for character in name if not _is_mark(character))
    return (
        _ROOM.fullmatch(letters) is not None
        and not _is_mark(name[0])
        and _pile(name) is None
        and not _UNSEEN_MARK.search(name)
        and _BLANK.isdisjoint(name)
    )


def _is_plain(text: str) -> bool:
    """Visible ASCII in one line, where no rule can be broken: most of what is posted, and looked at
    twenty times faster so."""
    return text.isascii() and text.isprintable() and not text.isspace()


def _check_length(what: str, text: str, limit: int) -> None:
    """In code points, of which each is four bytes at the most."""
    got = len(text)
    if got > limit:
        raise BadField(
            f"{what} has {got} characters; {limit} are allowed",
            code="too-long",
            limit=limit,
            got=got,
        )


def _check_characters(what: str, text: str) -> None:
    found = _FORBIDDEN.search(text)
    if found:
        raise _forbidden(what, text, found.start())
    if not text.isascii():
        _check_marks(what, text)
        _check_isolates(what, text)


def _check_marks(what: str, text: str) -> None:
    index = _pile(text)
    if index is not None:
        raise _forbidden(what, text, index)


def _pile(text: str) -> int | None:
    """Where more marks than allowed stand in a row; None if nowhere."""
    row = 0
    for index, character in enumerate(text):
        row = row + 1 if _is_mark(character) else 0
        if row > _MARKS_IN_A_ROW:
            return index
    return None


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _check_isolates(what: str, text: str) -> None:
    """Isolates end where they began; without this a text could turn what stands after it."""
    opened: list[int] = []
    for index, character in enumerate(text):
        if character in _ISOLATES:
            opened.append(index)
        elif character == _END_OF_ISOLATE:
            if not opened:
                raise _forbidden(what, text, index)
            opened.pop()
    if opened:
        raise _forbidden(what, text, opened[0])


def _shows(text: str) -> bool:
    """Whether anything in it is to be seen: not only spaces, marks and format characters. Private use
    is somebody's own letters; what Python's tables do not know yet may be the newest emoji, but for
    what Unicode keeps for invisible characters."""
    return any(
        (kind := unicodedata.category(character))[0] in "LNPS" or kind in ("Co", "Cn")
        for character in text
        if character not in _BLANK and not _KEPT_UNSEEN.match(character)
    )


def _forbidden(what: str, text: str, index: int) -> BadField:
    point = f"U+{ord(text[index]):04X}"
    return BadField(
        f"{what} may not hold {point}, as at its character {index}",
        code="forbidden-character",
        character=point,
        index=index,
    )
