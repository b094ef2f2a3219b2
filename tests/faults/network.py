"""Harms to the network between our processes and their store."""

import asyncio
import time

from tests.faults.rounds import Round

# A process has a tail and a pipe, or a pipe and two readers; each may try, none in a hot loop.
TRIES_A_SECOND = 5.0


async def lose_replies(this: Round) -> None:
    """F1: scripts are done and their replies lost; the connection is cut, or goes silent."""
    until = time.monotonic() + 4.0
    while time.monotonic() < until:
        proxy = this.rng.choice(list(this.site.proxies.values()))
        proxy.lose_replies(this.rng.choice(("cut", "cut", "swallow")), this.rng.randint(1, 3))
        await this.pause(0.05, 0.4)
    for proxy in this.site.proxies.values():
        proxy.heal()
        this.injected += proxy.lost_replies
    this.healed()


async def harm_network(this: Round) -> None:
    """Links are slow, silent, reset or refused, one or all at once, one harm after another."""
    for _ in range(4):
        proxies = list(this.site.proxies.values())
        hit = this.rng.choice([proxies, [this.rng.choice(proxies)]])
        how = this.rng.choice(("delay", "hold", "reset", "refuse"))
        this.injected += len(hit)
        for proxy in hit:
            if how == "delay":
                proxy.delay(this.rng.uniform(0.01, 0.1))
            else:
                getattr(proxy, how)()
        await this.pause(0.1, 1.5)
        for proxy in hit:
            proxy.heal()
        this.healed()
        await this.pause(0.1, 0.5)


async def set_apart(this: Round) -> None:
    """One web process can't reach the store for longer than short lives last, while the other goes
    on; then the other."""
    for name in this.rng.sample(("web1", "web2"), 2):
        proxy = this.site.proxies[name]
        getattr(proxy, this.rng.choice(("refuse", "hold")))()
        this.injected += 1
        await this.pause(3.5, 5.0)
        proxy.heal()
        this.healed()
        await this.pause(0.5)


async def cut_off(this: Round) -> None:
    """The store is gone for some seconds; nobody tries to reach it in a hot loop."""
    proxies = this.site.proxies
    began = time.monotonic()
    for proxy in proxies.values():
        proxy.refuse()
        this.injected += 1
    await this.pause(5.0, 8.0)
    ended = time.monotonic()
    for name, proxy in proxies.items():
        # The first second is for the first tries, which are quick.
        rate = proxy.tries_a_second(began + 1.0, ended)
        this.notes.append(f"{name} {rate:.1f} tries/s")
        this.demand(rate < TRIES_A_SECOND, f"{name} tried {rate:.1f} times a second")
        proxy.heal()
    this.healed()
    await asyncio.sleep(0)
