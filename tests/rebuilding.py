"""A rebuild that a test holds in the middle, and what there is of it in the store."""

import asyncio
from typing import Any

import pytest
import redis

from consumers.rebuild import Rebuild


def building(client: redis.Redis) -> list[bytes]:
    """The keys of views that have a generation."""
    return client.keys("*:view:*")


class Held:
    """A rebuild that stands still in the middle of its filling, until it may `go`."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, at: str = "_fill", of: Any = Rebuild
    ) -> None:
        self.is_there = asyncio.Event()
        self.go = asyncio.Event()
        step = getattr(of, at)

        async def held(*args: Any) -> None:
            self.is_there.set()
            await self.go.wait()
            await step(*args)

        monkeypatch.setattr(of, at, held)
