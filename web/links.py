"""Finds the links in a text. static/links.js follows the same rule; tests/links.json holds both to it.

Only http and https, only where a host follows at once, and none with a user's name before an `@`:
`https://bank.example@elsewhere.example` leads elsewhere. A link ends before what can't be seen, and
before the punctuation of the sentence round it; a bracket that it opened itself belongs to it.
"""

import re
from typing import NamedTuple

_LONGEST = 2_000
# White space, quotes, and what shows nothing or turns the direction of text.
_END = (
    r"\s<>\"'`\u0000-\u0020\u007f-\u00a0\u00ab\u00bb\u034f\u061c\u115f\u1160\u180e\u1680"
    r"\u2000-\u200f\u2018-\u201f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufeff\uffa0"
)
_LINK = re.compile(
    rf"(?<![A-Za-z0-9])https?://(?=[^\s/?#@:.&]|\[[0-9a-f])[^{_END}]+", re.IGNORECASE
)
_TAIL = frozenset(".,;:!?*_~…。、，．！？；：")
_BRACKETS = {")": "(", "]": "[", "}": "{", "）": "（", "」": "「", "』": "『", "】": "【"}


class Part(NamedTuple):
    """A piece of a text; all pieces joined are the text."""

    text: str
    is_link: bool


def parts(text: str) -> list[Part]:
    found: list[Part] = []
    at = 0
    for match in _LINK.finditer(text):
        link = _without_tail(match[0])
        if not _is_plain(link):
            continue
        if match.start() > at:
            found.append(Part(text[at : match.start()], False))
        found.append(Part(link, True))
        at = match.start() + len(link)
    if at < len(text):
        found.append(Part(text[at:], False))
    return found


def _without_tail(link: str) -> str:
    while link:
        last = link[-1]
        opening = _BRACKETS.get(last)
        if last in _TAIL or (opening is not None and link.count(opening) < link.count(last)):
            link = link[:-1]
        else:
            break
    return link


def _is_plain(link: str) -> bool:
    authority = re.split(r"[/?#\\]", link.partition("://")[2], maxsplit=1)[0]
    return len(link) <= _LONGEST and authority != "" and "@" not in authority
