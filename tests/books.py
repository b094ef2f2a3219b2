"""The books of a log that others consume: what was posted, and what became of each event."""

import asyncio
import re
from collections import Counter
from collections.abc import Set
from typing import NamedTuple

from messenger.entries import EntryId
from messenger.errors import StoreUnavailable
from messenger.log import Logs, Post
from tests.commands import Running
from tests.hearing import Heard

# How the examples say what they have missed: plain clients how many by now, our package how many more.
_BY_KEY = re.compile(r"^missed (\d+/\d+-\d+): (.*)$", re.M)
_BY_NOW = re.compile(r"^partition (\d+): (\d+) entries have expired unread by now$", re.M)
_MORE = re.compile(r"partition (\d+): (\d+) entries expired before they were handled$", re.M)
_CUT = re.compile(r"partition (\d+): .*cut (?:the log|by hand) up to (\d+-\d+); ", re.M)
_KEY = re.compile(r"\b\d+/\d+-\d+\b")


class Posted(NamedTuple):
    partition: int
    id: EntryId
    is_brief: bool


class Poster:
    """Posts to rooms of all partitions from `open` to `close`; some of it lives only briefly. It goes on
    while the store is away."""

    BRIEF_MS = 1_500

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self.posted: dict[str, Posted] = {}
        self._number = 0
        self._posting: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._posting = asyncio.create_task(self._run())

    async def post(self, count: int, *, is_brief: bool = False) -> None:
        """Posts so many, all at once; returns when they are accepted."""
        await asyncio.gather(*(self._post(is_brief) for _ in range(count)))

    async def burst(self) -> None:
        """More than a consumer reads at a time, every second one brief."""
        await asyncio.gather(*(self._post(number % 2 == 0) for number in range(800)))

    async def _post(self, is_brief: bool) -> None:
        self._number += 1
        room = f"room-{self._number % 7}"
        log = self._logs.of(room)
        post = Post(room, "me", f"{self._number}", self.BRIEF_MS if is_brief else None)
        entry_id = (await log.append(post)).id
        partition = log.keys.partition
        self.posted[f"{partition}/{entry_id}"] = Posted(partition, entry_id, is_brief)

    async def _run(self) -> None:
        while True:
            try:
                await self.post(3)
                await self.post(1, is_brief=True)
            except (
                StoreUnavailable
            ):  # perhaps it was accepted: then it is handled, and not asked for
                pass
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.gather(self._posting, return_exceptions=True)


class Books:
    """What the consumers of a group have said, all of them, the dead ones too."""

    def __init__(self, poster: Poster) -> None:
        self._poster, self._posted = poster, poster.posted
        self._consumers: list[Heard] = []

    def open(self, running: Running) -> Heard:
        self._consumers.append(Heard(running))
        return self._consumers[-1]

    def handled(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for heard in self._consumers:
            found.update(match.group() for line in heard.lines if (match := _KEY.search(line)))
        return found

    def said(self) -> str:
        return "".join(heard.running.errors() for heard in self._consumers)

    def missed(self) -> dict[str, str]:
        """Key and reason, for what was said to be missed one by one."""
        return dict(_BY_KEY.findall(self.said()))

    def expired(self) -> Counter[int]:
        """How many entries of each partition were said to have expired."""
        found: Counter[int] = Counter()
        for partition, count in _BY_NOW.findall(self.said()):
            found[int(partition)] = max(found[int(partition)], int(count))
        for partition, count in _MORE.findall(self.said()):
            found[int(partition)] += int(count)
        return found

    def cut_to(self) -> dict[int, EntryId]:
        """Up to where each partition was said to have been cut by hand."""
        found: dict[int, EntryId] = {}
        for partition, until in _CUT.findall(self.said()):
            found[int(partition)] = max(
                EntryId.parse(until), found.get(int(partition), EntryId(0, 0))
            )
        return found

    def open_items(self) -> dict[str, Posted]:
        """What was neither handled nor spoken of by its key or by a cut."""
        handled, missed, cut_to = self.handled(), self.missed(), self.cut_to()
        return {
            key: posted
            for key, posted in self._posted.items()
            if key not in handled
            and key not in missed
            and posted.id > cut_to.get(posted.partition, EntryId(0, 0))
        }

    def balance(self, *, of: Set[str] | None = None) -> bool:
        """Whether nothing is missing, of all or of these keys: what is open is brief, and said to have
        expired, by number."""
        open_items = [
            posted for key, posted in self.open_items().items() if of is None or key in of
        ]
        expired, still = self.expired(), Counter(each.partition for each in open_items)
        return all(each.is_brief for each in open_items) and still <= expired

    def figures(self) -> str:
        handled, missed = self.handled(), self.missed()
        times = [handled[key] for key in self._posted]
        lost = {key: each for key, each in self._posted.items() if key not in handled}
        named = lost.keys() & missed.keys()
        cut = sum(not each.is_brief for key, each in lost.items() if key not in named)
        return (
            f"{len(times)} posted, {sum(each > 0 for each in times)} handled, "
            f"{sum(each > 1 for each in times)} of them more than once; {len(lost)} not handled: "
            f"{len(named)} named, {len(lost) - len(named) - cut} expired unread of "
            f"{sum(self.expired().values())} said, {cut} cut"
        )

    async def __aenter__(self) -> "Books":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._poster.close()
        for heard in self._consumers:
            await heard.close()
