"""Harms to our own processes, and to the work they share."""

import asyncio
import contextlib
import os
import signal
import time

from messenger.keys import PROJECTOR, Keys
from tests.faults.rounds import Round
from tests.faults.upright import UpSite

KEYS = Keys(0)
_STOPS_WITHIN_S = 2.0
_BUSY_S = 1.5


async def kill_webs(this: Round) -> None:
    """kill -9 of a web process, at any moment, and of the other."""
    for web in this.rng.sample(this.site.webs, 2):
        await web.kill()
        this.injected += 1
        await this.pause(0.0, 0.5)
        await web.start()
        this.healed()
        await this.pause(0.2, 1.0)


async def kill_workers(this: Round) -> None:
    """F7: kill -9 of workers at random points of their work."""
    for _ in range(4):
        worker = this.rng.choice(this.site.workers)
        await this.pause(0.0, 0.6)
        await worker.kill()
        this.injected += 1
        await worker.start()
    this.healed()
    await this.pause(1.0)


async def poison(this: Round) -> None:
    """F8: entries that break the contract, among the others; they end among the dead letters."""
    with this.site.store.client() as client:
        for number in range(20):
            broken = {
                "type": "message.posted",
                "room": "lobby",
                "author": "x",
                "text": f"p{number}",
            }
            client.xadd(KEYS.log, broken)
            this.injected += 1
            await this.pause(0.01, 0.2)
        this.healed()
        for _ in range(100):
            if client.xlen(KEYS.dead(PROJECTOR)) == this.injected:
                break
            await asyncio.sleep(0.05)
        this.demand(client.xlen(KEYS.dead(PROJECTOR)) == this.injected, "letters are missing")


async def outlast_window(this: Round) -> None:
    """F9: the workers stand still for longer than the window, one or both; nothing that is over is
    shown, nothing waits for ever."""
    hit = this.rng.choice([this.site.workers, [this.rng.choice(this.site.workers)]])
    for worker in hit:
        worker.freeze()
        this.injected += 1
    this.notes.append(f"{len(hit)} of 2 workers")
    await this.pause(5.0, 6.0)
    for worker in hit:
        worker.thaw()
    this.healed()
    await this.pause(1.0)


async def restart_rolling(this: Round) -> None:
    """F16: SIGTERM to each web process in turn, with streams open; each ends in time."""
    for web in this.site.webs:
        began = time.monotonic()
        code = await web.end(signal.SIGTERM)
        took = time.monotonic() - began
        this.injected += 1
        this.notes.append(f"{web.name} ended in {took:.1f} s")
        this.demand(code == 0, f"{web.name} ended with {code}")
        this.demand(took < _STOPS_WITHIN_S + _BUSY_S, f"{web.name} took {took:.1f} s to end")
        await web.start()
        this.healed()
        await this.pause(0.3, 0.8)


async def take_over(this: Round) -> None:
    """F18: of two projectors one is frozen with entries in hand until the other takes them over, and
    then goes on: each entry counts once."""
    for worker in this.rng.sample(this.site.workers, 2):
        # What it is given from now on it does not get: it is pending.
        this.site.proxies[worker.name].mute()
        await this.pause(0.3)
        worker.freeze()
        this.injected += 1
        await this.pause(2.5, 3.5)
        worker.thaw()
        this.site.proxies[worker.name].heal()
        await this.pause(0.3)
    with this.site.store.client() as client:
        redelivered = int(client.hget(KEYS.meta, "redelivered") or 0)
    this.notes.append(f"{redelivered} entries taken over")
    this.demand(redelivered, "nothing was taken over")
    this.healed()


async def freeze_webs(this: Round) -> None:
    """A web process stands still for seconds, as in a live migration: it goes on where it was, and
    shows nothing that ended meanwhile."""
    for web in this.rng.sample(this.site.webs, 2):
        web.freeze()
        this.injected += 1
        await this.pause(1.0, 3.0)
        web.thaw()
        this.healed()
        await this.pause(0.3, 0.6)


async def kill_up(this: Round) -> None:
    """kill -9 of the process, of its store, of its store while it starts again."""
    site = this.site
    assert isinstance(site, UpSite)
    for _ in range(3):
        if this.rng.random() < 0.5:
            await site.webs[0].kill()
            await site.webs[0].start()
        else:
            for pid in site.commands.servers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        this.injected += 1
        this.healed()
        await this.pause(0.3, 1.5)
