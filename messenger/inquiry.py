"""A question that many have and one asks: not in a hot loop, however many wait for the answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from messenger.errors import StoreUnavailable
from messenger.loops import Backoff, look_at

# Asked again after this, doubled to a cap while the answer stays in doubt.
_AGAIN_S, _AGAIN_CAP_S = 0.05, 0.5
# An answer that stood for so long was good: the next doubt is another one.
_GOOD_S = 5.0

# Of several that are asked, how long the others' answers are waited for after the first.
_OTHERS_S = 0.1

_T = TypeVar("_T")


class Inquiry(Generic[_T]):
    """`answer` is the last one, None before the first."""

    def __init__(self, ask: Callable[[], Awaitable[_T]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[_T] | None = None
        self._is_doubted = True
        self._asked_at = float("-inf")
        self._not_before = 0.0
        self._pauses = Backoff(first_s=_AGAIN_S, cap_s=_AGAIN_CAP_S)
        self.answer: _T | None = None

    def doubt(self) -> None:
        """Something does not fit the answer: who wants it next has it asked for again."""
        self._is_doubted = True

    async def known(self) -> _T:
        """The answer; where it is in doubt a new one, unless the last is a moment old, or nobody
        answers now."""
        is_new = asyncio.get_running_loop().time() < self._not_before
        if self.answer is not None and (is_new or not self._is_doubted):
            return self.answer
        try:
            return await self.asked()
        except StoreUnavailable:
            if self.answer is None:
                raise
            return self.answer

    async def asked(self) -> _T:
        """A new answer; all who want one at the same time get the same. Raises what asking raises."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_in_turn())
            self._asking.add_done_callback(look_at)
        # Who gives up must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _ask_in_turn(self) -> _T:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._not_before - loop.time())
        if loop.time() - self._asked_at > _GOOD_S:
            self._pauses.reset()
        self._asked_at = loop.time()
        self._is_doubted = False
        try:
            self.answer = await self._ask()
        except BaseException:
            self._is_doubted = True
            raise
        finally:
            self._not_before = loop.time() + self._pauses.next_s()
        return self.answer


async def soon(asked: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """What several answer, up to a moment after the first; the error of one that is not there is
    raised only where nobody answers."""
    loop = asyncio.get_running_loop()
    tasks = {asyncio.create_task(each) for each in asked}
    left, until, answers = set(tasks), float("inf"), list[_T]()
    unavailable: StoreUnavailable | None = None
    try:
        while left and (wait_s := until - loop.time()) > 0:
            timeout = wait_s if answers else None
            done, left = await asyncio.wait(left, timeout=timeout, return_when="FIRST_COMPLETED")
            for task in done:
                try:
                    answers.append(task.result())
                except StoreUnavailable as error:
                    unavailable = error
            if answers:
                until = min(until, loop.time() + _OTHERS_S)
    finally:
        for task in left:
            task.cancel()
        # All of them: an error that nobody heard of would be complained of.
        await asyncio.gather(*tasks, return_exceptions=True)
    if not answers:
        raise unavailable or StoreUnavailable("nobody could be asked")
    return answers
