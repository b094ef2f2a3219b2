"""One long life: stretches of load and harm, each with its own history and proof, between two looks at
what the site holds when nobody uses it."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from messenger.keys import Keys
from tests.faults.checker import Defect, check
from tests.faults.history import History
from tests.faults.load import Writers
from tests.faults.readers import Readers
from tests.faults.reckoning import close_books
from tests.faults.rounds import Round, recovered
from tests.faults.site import Site
from tests.hostile.process import figure, resident_mb
from tests.soak.harms import ALWAYS, EARLY, Harm
from tests.soak.ledger import Ledger, grown, take
from tests.waiting import wait_until

_KEYS = Keys(0)
_ROOT = Path(__file__).parents[2]
# Between two harms all is well for so long.
_PAUSE_S = (1.0, 4.0)
# A poll may wait for so long yet, and a post without a key is remembered for half a minute.
_QUIET_S = 60.0
_POSTS_A_WRITER = 25


class Plan(msgspec.Struct, frozen=True):
    """`rate` are posts a second; `seconds` those of one stretch."""

    seed: int
    stretches: int
    seconds: float
    window_s: int
    rate: int
    subscribers: int


class Stretch(msgspec.Struct):
    """What came of one."""

    number: int
    posts: int
    accepted: int
    injected: int
    gaps: int
    worst_recovery_s: float
    web1_mb: float
    harms: list[str]
    defects: list[Defect]


class Life(msgspec.Struct):
    """What came of all; `grown` is empty if it ended as it began."""

    before: Ledger
    after: Ledger
    stretches: list[Stretch]
    complaints: list[str]

    @property
    def wrong(self) -> list[str]:
        found = [f"{each.kind}: {each.words}" for one in self.stretches for each in one.defects]
        return [*grown(self.before, self.after), *self.complaints, *found]


class _Living:
    def __init__(self, plan: Plan, site: Site, session: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.site = site
        self.session = session
        self.rng = site.rng
        self._counts_are_older = False

    async def stretch(self, number: int, harms: tuple[Harm, ...]) -> Stretch:
        """Load, one harm after another, and the proof; no harms: load alone."""
        history = History(counts_are_older=self._counts_are_older)
        this = Round(self.site, history, self.session)
        readers = Readers(self.site, history, self.session, stay=False)
        count = max(2, self.plan.rate // _POSTS_A_WRITER)
        this.writers = Writers(
            *(self.site, history, self.session),
            count=count,
            pause_s=count / self.plan.rate,
            name=f"s{number}w",
        )
        done, worst_s = await self._harm(this, harms)
        await this.writers.stop()
        stored, wrong = await close_books(self.site, history, self.session, f"s{number}end")
        await readers.stop()
        history.complaints += wrong
        self._counts_are_older = history.counts_are_older
        return Stretch(
            number=number,
            posts=len(history.writes),
            accepted=sum(write.id is not None for write in history.writes),
            injected=this.injected,
            gaps=sum(len(reading.gaps()) for reading in history.readings),
            worst_recovery_s=worst_s,
            web1_mb=resident_mb(self.site.members["web1"].pid),
            harms=done,
            defects=check(history, stored),
        )

    async def _harm(self, this: Round, harms: tuple[Harm, ...]) -> tuple[list[str], float]:
        ends = time.monotonic() + self.plan.seconds
        done, worst_s = [], 0.0
        await this.pause(*_PAUSE_S)
        while (left_s := ends - time.monotonic()) > 0:
            if harms:
                # What is trimmed by hand is in the view until its time.
                is_early = left_s > self.plan.window_s + 10
                harm = this.rng.choice((*harms, *EARLY) if is_early else harms)
                done.append(harm.__name__)
                await harm(this)
                worst_s = max(worst_s, await recovered(this))
            await this.pause(*_PAUSE_S)
        return done, worst_s

    async def quiet(self) -> Ledger:
        """Waits until nobody is there and the last message has gone; what there is then."""

        async def is_quiet() -> bool:
            with self.site.store.client() as client:
                if client.xlen(_KEYS.log) or next(client.scan_iter(match="*:sent:*"), None):
                    return False
            for web in self.site.webs:
                if await figure(self.session, web.url, "messenger_subscribers"):
                    return False
            return True

        await wait_until(is_quiet, "all have gone", seconds=self.plan.window_s + _QUIET_S)
        # A connection that was kept for its next request is closed after half a minute.
        return await take(self.site, self.session)


@asynccontextmanager
async def _goers(plan: Plan, site: Site) -> AsyncIterator[None]:
    urls = [web.url for web in site.webs]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak.goers"),
        *(str(plan.subscribers), str(plan.seed), *urls),
        cwd=_ROOT,
    )
    try:
        yield
        assert process.returncode is None, "those who come and go have ended by themselves"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def live(
    plan: Plan, tell: Callable[[Stretch], None], harms: tuple[Harm, ...] = ALWAYS
) -> Life:
    """Lives it. `tell` hears of each stretch when it has ended."""
    site = Site(random.Random(f"{plan.seed} soak"), window=f"{plan.window_s}s")
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with site, aiohttp.ClientSession(connector=connector) as session:
        living = _Living(plan, site, session)
        stretches = []
        async with _goers(plan, site):
            stretches.append(await living.stretch(0, ()))
        tell(stretches[0])
        before = await living.quiet()
        async with _goers(plan, site):
            for number in range(1, plan.stretches + 1):
                stretches.append(await living.stretch(number, harms))
                tell(stretches[-1])
        after = await living.quiet()
        await site.stop()
        return Life(before, after, stretches, site.complaints())
