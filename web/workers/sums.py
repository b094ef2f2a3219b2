"""What all web workers have counted, those that have ended among them: it never grows less."""

import asyncio
import contextlib
import itertools
import time

from web.account import Account, Overall
from web.workers.line import Answer, Ask
from web.workers.process import Process

# One that does not tell anew within this counts by what it told last.
_TELL_S = 0.3


class Sums:
    def __init__(self) -> None:
        self.processes: set[Process] = set()
        self.deaths = 0
        self._ended = Account(began_s=time.time())
        self._numbers = itertools.count(1)

    def end(self, process: Process) -> None:
        """In one step from those that live to those that have ended: nothing counts twice, or not."""
        self.processes.discard(process)
        if process.account is not None:
            self._ended.add(process.account)

    async def answer(self, asker: Process, ask: Ask, serves: dict[int, bool]) -> None:
        number = next(self._numbers)
        others = [each for each in self.processes if each is not asker and each.answers]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TELL_S):
                await asyncio.gather(*(each.tell(number) for each in others))
        asker.send(Answer(ask.number, self._overall(serves)))

    def _overall(self, serves: dict[int, bool]) -> Overall:
        total = Account(began_s=self._ended.began_s, is_ready=any(serves.values()))
        total.add(self._ended)
        subscribers: dict[int, int] = {}
        for process in self.processes:
            account = process.account
            if account is not None:
                total.add(account)
                total.add_now(account)
                if process.is_ready:
                    subscribers.setdefault(process.number, 0)
                    subscribers[process.number] += account.subscribers
        absent = [number for number, is_there in serves.items() if not is_there]
        return Overall(account=total, subscribers=subscribers, absent=absent, deaths=self.deaths)
