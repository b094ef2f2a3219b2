"""Harms to web workers under a supervisor: it is one web process, whatever becomes of them."""

import asyncio
import contextlib
import os
import signal
import time

from tests.faults.rounds import Round
from tests.faults.site import Member
from tests.supervised import workers_of

_RESTARTED_S = 30.0
_LOOK_S = 0.05


async def harm_workers(this: Round) -> None:
    """Of each supervisor one worker is killed, one stands still for as long as the others need to notice
    or not, and all are restarted, in any order."""
    for web in this.site.webs:
        harms = [_kill, _freeze, _restart]
        this.rng.shuffle(harms)
        for harm in harms:
            await harm(this, web)
            this.injected += 1
            await this.pause(0.0, 0.5)
        this.healed()


async def _kill(this: Round, web: Member) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(_any_worker(this, web), signal.SIGKILL)


async def _freeze(this: Round, web: Member) -> None:
    pid = _any_worker(this, web)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        await this.pause(0.3, 3.0)
        os.kill(pid, signal.SIGCONT)


async def _restart(this: Round, web: Member) -> None:
    before = workers_of(web.pid)
    os.kill(web.pid, signal.SIGHUP)
    deadline = time.monotonic() + _RESTARTED_S
    while set(workers_of(web.pid).values()) & set(before.values()):
        if time.monotonic() > deadline:
            this.demand(None, f"{web.name} does not restart its workers")
            return
        await asyncio.sleep(_LOOK_S)


def _any_worker(this: Round, web: Member) -> int:
    return this.rng.choice(sorted(workers_of(web.pid).values()))
