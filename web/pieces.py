"""A room's messages as one long list: joined in pieces, so that a change makes one piece anew, and who
reads at different moments shares the others."""

from bisect import bisect_left, bisect_right
from itertools import takewhile

import msgspec

from messenger.entries import START, EntryId
from web.lengths import LIST_BYTES, fitting
from web.live import Erased, Held

# So many messages a piece; more pieces than so many are sparse, and made anew.
_LENGTH, _MOST = 256, 100


class LongList(msgspec.Struct):
    """The newest messages in chat order, joined in pieces with commas between them. `has_older` is
    whether there are more, here or in the view."""

    pieces: list[bytes]
    first: EntryId
    last: EntryId
    count: int
    has_older: bool


class _Piece:
    """Messages in their order, none before `first`. `body` is None until they are joined, which they
    are anew when one is over."""

    __slots__ = ("body", "expires_at", "first", "held")

    def __init__(self, held: list[Held]) -> None:
        self.first = held[0].id
        self.held = held
        self.body: bytes | None = None
        self.expires_at = 0

    def join(self, now: int) -> bytes:
        if self.body is None or self.expires_at <= now:
            self.held = [each for each in self.held if each.expires_at > now]
            self.body = joined(self.held)
            self.expires_at = min((each.expires_at for each in self.held), default=2**63)
        return self.body

    def let_go(self, entry_id: EntryId) -> None:
        at = bisect_left(self.held, entry_id, key=_id)
        if at < len(self.held) and self.held[at].id == entry_id:
            del self.held[at]
            self.body = None


def joined(held: list[Held]) -> bytes:
    return b",".join([each.body for each in held])


class Pieces:
    """Of what a room knows. It is told of what the room lets go of; what is new it finds itself."""

    def __init__(self, known: dict[EntryId, Held | Erased]) -> None:
        self._known = known
        self._pieces: list[_Piece] = []
        # Up to where it has all.
        self._to = START

    def let_go(self, entry_id: EntryId) -> None:
        at = bisect_right(self._pieces, entry_id, key=_first) - 1
        if at >= 0:
            self._pieces[at].let_go(entry_id)

    def newest(self, limit: int, now: int) -> LongList:
        """The newest that live at a time: no more than the limit, and than an answer has room for."""
        self._take_in()
        found, count, size = list[tuple[list[Held], bytes]](), 0, 0
        for piece in reversed(self._pieces):
            if not (body := piece.join(now)):
                continue
            held = piece.held
            if count + len(held) > limit or size + len(body) + 1 > LIST_BYTES:
                fits = fitting(held[::-1], limit - count, LIST_BYTES - size)
                # One at least: who goes on behind it comes further.
                if part := held[len(held) - (fits if found else max(fits, 1)) :]:
                    found.append((part, joined(part)))
                return _list(found[::-1], has_older=True)
            found.append((held, body))
            count, size = count + len(held), size + len(body) + 1
        return _list(found[::-1], has_older=False)

    def _take_in(self) -> None:
        """What came since the last time."""
        self._pieces = [piece for piece in self._pieces if piece.held]
        if len(self._pieces) > _MOST:
            self._pieces, self._to = [], START
        new = list(takewhile(self._to.__lt__, reversed(self._known)))[::-1]
        if new:
            events = map(self._known.__getitem__, new)
            self._add([each for each in events if isinstance(each, Held)])
            self._to = new[-1]

    def _add(self, held: list[Held]) -> None:
        if self._pieces and len(self._pieces[-1].held) < _LENGTH:
            held = self._pieces.pop().held + held
        for at in range(0, len(held), _LENGTH):
            self._pieces.append(_Piece(held[at : at + _LENGTH]))


def _list(found: list[tuple[list[Held], bytes]], *, has_older: bool) -> LongList:
    if not found:
        return LongList([], START, START, 0, has_older)
    first, last = found[0][0][0].id, found[-1][0][-1].id
    pieces = [each for _, body in found for each in (b",", body)][1:]
    return LongList(pieces, first, last, sum(len(held) for held, _ in found), has_older)


def _first(piece: _Piece) -> EntryId:
    return piece.first


def _id(held: Held) -> EntryId:
    return held.id
