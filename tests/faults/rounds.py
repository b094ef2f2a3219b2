"""One round: a site, a load, a harm chosen by the seed, and the proof of what came of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec

from tests.faults.checker import Defect, check
from tests.faults.faketime import faked_time
from tests.faults.history import History, wall_ms
from tests.faults.load import Writers
from tests.faults.readers import Readers
from tests.faults.reckoning import close_books
from tests.faults.site import Site

# Load before the harm and after it; and how long recovery is waited for.
_BEFORE_S, _AFTER_S = 0.6, 0.8
_RECOVERY_S = 8.0
# Promised is two seconds; the rest is for two processors with other work.
_HEALS_WITHIN_S = 2.0
_BUSY_S = 0.7


class Fault(msgspec.Struct, frozen=True):
    """A row of the table. `harm` does it and undoes it."""

    id: str
    title: str
    harm: "Callable[[Round], Awaitable[None]]"
    window: str = "60s"
    durability: str = "everysec"
    # Keywords of Writers.
    load: dict[str, float] = {}
    # Whether the harm ends so that posting is waited for, within the promised time.
    heals: bool = True
    # The store's clock is set: what is over by its furthest time may be gone.
    is_of_time: bool = False
    # Whether readers never leave by themselves: how long a message took to them is measured.
    readers_stay: bool = False
    # What it is done to.
    site: type[Site] = Site
    # How many web workers each web process has, as a supervisor; 0: it is none.
    web_workers: int = 0


class Round:
    """What a harm may touch. It counts what it did, and says when all was well again."""

    def __init__(self, site: Site, history: History, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.history = history
        self.session = session
        self.rng = site.rng
        self.writers: Writers | None = None
        self.injected = 0
        self.healed_at = 0.0
        self.notes: list[str] = []
        # The furthest that the store's clock was set forward.
        self.ahead_ms = 0

    async def pause(self, low_s: float, high_s: float | None = None) -> None:
        await asyncio.sleep(self.rng.uniform(low_s, high_s or low_s))

    def healed(self) -> None:
        self.healed_at = time.monotonic()

    def forgive(self, since_ms: int) -> None:
        """What was accepted from then until now may be lost."""
        self.history.forgiven.append((since_ms, wall_ms()))

    def forgive_unconfirmed(self, since_ms: int) -> None:
        """What was shown from then until now may be lost, and nothing that was accepted."""
        self.history.unconfirmed.append((since_ms, wall_ms()))

    def demand(self, is_so: object, words: str) -> None:
        """A claim of the harm's own, a defect if it is not so."""
        if not is_so:
            self.history.complaints.append(words)


class Row(msgspec.Struct):
    """A line of the table, and what is wrong."""

    fault: str
    title: str
    seed: int
    posts: int
    injected: int
    accepted: int
    lost: int
    doubled: int
    late: int
    gaps: int
    recovery_s: float
    slowest_refusal_s: float
    defects: list[Defect]
    notes: list[str]
    took_s: float = 0.0


async def run_round(fault: Fault, seed: int) -> Row:
    rng = random.Random(f"{seed} {fault.id}")
    site = fault.site(rng, fault.window, fault.durability, fault.web_workers)
    if fault.is_of_time:
        site.store.environment |= faked_time(site.store.data_dir)
    history = History()
    connector = aiohttp.TCPConnector(limit=0)
    async with site, aiohttp.ClientSession(connector=connector) as session:
        this = Round(site, history, session)
        readers = Readers(site, history, session, stay=fault.readers_stay)
        this.writers = Writers(site, history, session, **fault.load)  # type: ignore[arg-type]
        await this.pause(_BEFORE_S)
        await fault.harm(this)
        recovery_s = await recovered(this) if fault.heals else 0.0
        await this.pause(_AFTER_S)
        await this.writers.stop()
        stored, wrong = await close_books(site, history, session)
        await readers.stop()
        await site.stop()
        stored.furthest = stored.now + this.ahead_ms
        history.complaints += [*site.complaints(), *wrong]
    return _row(fault, seed, this, check(history, stored), recovery_s)


async def recovered(this: Round) -> float:
    """How long after the harm was undone every web process accepted a post."""
    assert this.writers is not None
    deadline = time.monotonic() + _RECOVERY_S
    names = {web.name for web in this.site.webs}
    while time.monotonic() < deadline:
        firsts = {}
        for at, name in reversed(this.writers.accepted_at):
            if at < this.healed_at:
                break
            firsts[name] = at
        if firsts.keys() == names:
            found = max(firsts.values()) - this.healed_at
            this.demand(found < _HEALS_WITHIN_S + _BUSY_S, f"it took {found:.1f} s to heal")
            return found
        await asyncio.sleep(0.02)
    this.history.complaints.append(f"it does not heal within {_RECOVERY_S} s")
    return _RECOVERY_S


def _row(fault: Fault, seed: int, this: Round, defects: list[Defect], recovery_s: float) -> Row:
    history = this.history
    kinds = [defect.kind for defect in defects]
    accepted = [write for write in history.writes if write.id is not None]
    told = Counter(f"gap {gap.reason}" for each in history.readings for gap in each.gaps())
    said = Counter(history.refusals) + told
    words = ", ".join(f"{n} {what}" for what, n in sorted(said.items()))
    return Row(
        fault=fault.id,
        title=fault.title,
        seed=seed,
        posts=len(history.writes),
        injected=this.injected,
        accepted=len(accepted),
        lost=kinds.count("lost"),
        doubled=kinds.count("doubled"),
        late=kinds.count("late"),
        gaps=sum(len(reading.gaps()) for reading in history.readings),
        recovery_s=recovery_s,
        slowest_refusal_s=history.slowest_refusal_s,
        defects=defects,
        notes=[*([words] if words else []), *this.notes],
    )
