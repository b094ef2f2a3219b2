"""Waiting for a condition, never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

_T = TypeVar("_T")


async def wait_until(
    look: Callable[[], _T | Awaitable[_T]], description: str, *, seconds: float = 10.0
) -> _T:
    """What `look` finds, as soon as it finds something; the test fails with the description if it
    does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = look()
        if isawaitable(found):
            found = await found
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never came true within {seconds} s: {description}")
        await asyncio.sleep(0.01)
