"""What is done in a long life, one thing after another: the faults of tests/faults that leave the site
as it was, and some that need an operator. web1 and worker1 are never ended: what grows is seen there."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from messenger.keys import Keys
from tests.faults import clients, network, processes, storage
from tests.faults.load import ROOMS
from tests.faults.rounds import Round
from tests.lines import UPGRADE, Line, request_of

Harm = Callable[[Round], Awaitable[None]]

_KEYS = Keys(0)
_DEAF = 20
# What a projector was not given yet would be counted nowhere: a trim by hand leaves that alone.
_TRIM_BEHIND_MS = 3_000


async def restart(this: Round) -> None:
    """A web process and a worker end as an operator ends them, or by kill -9, and are started again."""
    for name in ("web2", "worker2"):
        member = this.site.members[name]
        await member.end(this.rng.choice((signal.SIGTERM, signal.SIGKILL)))
        this.injected += 1
        await this.pause(0.0, 1.0)
        await member.start()
        this.healed()


async def deaf(this: Round) -> None:
    """Streams and sockets that read nothing, and then go."""
    opened = []
    for number in range(_DEAF):
        web, room = this.rng.choice(this.site.webs), this.rng.choice(ROOMS[:1])
        kind = ("events?after=0-0", "") if number % 2 else ("socket", UPGRADE)
        asked = request_of(f"/api/rooms/{room}/{kind[0]}", kind[1])
        opened.append(await Line.open(web.url, asked, receives=4_096))
        this.injected += 1
    await this.pause(4.0, 8.0)
    for each in opened:
        each.leave(is_reset=this.rng.random() < 0.5)
    this.healed()


async def trim(this: Round) -> None:
    """An operator trims the log by hand; readers are told of what they miss."""

    def by_hand() -> None:
        with this.site.store.client() as client:
            seconds, micros = client.time()
            until = seconds * 1_000 + micros // 1_000 - _TRIM_BEHIND_MS
            client.xtrim(_KEYS.log, minid=f"{until}-0", approximate=False)

    await asyncio.to_thread(by_hand)
    this.injected += 1
    this.healed()
    await this.pause(1.0)


# Each of these with what is left of it until the next window has passed: a trim by hand.
EARLY: tuple[Harm, ...] = (trim,)
ALWAYS: tuple[Harm, ...] = (
    *(restart, restart, deaf),
    *(storage.freeze, storage.kill, storage.refuse_writes, storage.empty),
    *(network.lose_replies, network.harm_network, network.set_apart, network.cut_off),
    *(processes.freeze_webs, processes.outlast_window),
    *(clients.cut_off_requests, clients.dawdle),
)
