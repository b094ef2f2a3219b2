"""What one partition's tail took in and handed out, by the second, for the last five minutes."""

from collections import Counter
from collections.abc import Sequence

KEPT_S = 300
# What has a time of the future, as under a clock that was set back, is not kept for long either.
_MOST = KEPT_S + 60


class Rates:
    """Posts by the second of their id, so also those from before this process began; deliveries, an
    event handed to one reader each, by the second in which they left."""

    def __init__(self) -> None:
        self.posts: dict[int, int] = {}
        self.deliveries: dict[int, int] = {}

    def posted(self, ms: int) -> None:
        _count(self.posts, ms // 1_000, 1)

    def posted_all(self, times: Sequence[int]) -> None:
        for second, count in Counter([ms // 1_000 for ms in times]).items():
            _count(self.posts, second, count)

    def delivered(self, ms: int, events: int) -> None:
        if events:
            _count(self.deliveries, ms // 1_000, events)


def _count(seconds: dict[int, int], second: int, more: int) -> None:
    if second in seconds:
        seconds[second] += more
        return
    seconds[second] = more
    if len(seconds) > _MOST:
        del seconds[min(seconds)]
