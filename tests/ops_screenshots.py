"""Pictures of the operators' page over a log with a past, written by `make screenshots`."""

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import redis
from playwright.async_api import Browser, Page, expect

from messenger.settings import load
from tests.browser import browser
from tests.operating import TOKEN, bury, watch
from tests.past import fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger, serving

_DESK = {"width": 1280, "height": 900}
_PHONE = {"width": 360, "height": 740}
_WINDOW_MS = 900_000
_READERS = 7
# Long enough for the lines to be seen.
_WATCH_S = 75


async def take(store: PrivateStore, folder: Path) -> None:
    with store.client() as client:
        client.flushall()
    settings = load(
        {
            "port": "0",
            "post_rate": "off",
            "room_rate": "off",
            "new_room_rate": "off",
            "admin_token": TOKEN,
        }
    )
    async with serving(store.url, settings) as messenger, browser() as opened:
        await _make_past(store, messenger)
        async with (
            _readers(messenger),
            _talk(messenger),
            _page(messenger, opened, _DESK, "light") as light,
            _page(messenger, opened, _DESK, "dark") as dark,
            _page(messenger, opened, _PHONE, "light") as phone,
        ):
            await asyncio.sleep(_WATCH_S)
            await _take(folder, light, dark, phone)


async def _take(folder: Path, light: Page, dark: Page, phone: Page) -> None:
    for page in (light, dark, phone):
        await page.get_by_label("Speed").select_option("max")
        await page.get_by_role("button", name="Play").click()
        await expect(page.locator("#played")).to_contain_text("That was all")
    await light.locator(".ages .plot").hover(position={"x": 500, "y": 60})
    await light.screenshot(path=folder / "ops.png")
    await dark.screenshot(path=folder / "ops-dark.png", full_page=True)
    await phone.screenshot(path=folder / "ops-phone.png", full_page=True)


async def _make_past(store: PrivateStore, messenger: Messenger) -> None:
    assert messenger.logs is not None
    with store.client() as client:
        fill(client, _ids(client), ttl=str(_WINDOW_MS))
        client.xgroup_create(KEYS.log, "search-index", f"{now_ms(client) - 42_000}-0")
    await bury(store, messenger.logs.all[0], "Lunch?", "The invoice is attached", "Thanks!")


def _ids(client: redis.Redis) -> Iterator[str]:
    """A past with quiet and busy times."""
    chance = random.Random(7)
    begin = now_ms(client) - _WINDOW_MS + 30_000
    for second in range(_WINDOW_MS // 1_000 - 40):
        busy = 4 + 3 * math.sin(second / 90) + 2 * math.sin(second / 23)
        count = int(max(0, chance.gauss(busy, 1.2)))
        for ms in sorted(chance.sample(range(1_000), count)):
            yield f"{begin + second * 1_000 + ms}-0"


@contextlib.asynccontextmanager
async def _readers(messenger: Messenger) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(_READERS):
            await stack.enter_async_context(messenger.stream())
        yield


@contextlib.asynccontextmanager
async def _talk(messenger: Messenger) -> AsyncIterator[None]:
    """Posts now and then until it is left."""

    async def talk() -> None:
        chance = random.Random(8)
        for number in range(10_000):
            await messenger.post(f"Number {number} of a conversation", author="Ann")
            await asyncio.sleep(chance.uniform(0.05, 0.5))

    talking = asyncio.create_task(talk())
    try:
        yield
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


@contextlib.asynccontextmanager
async def _page(
    messenger: Messenger, opened: Browser, view: Any, scheme: Any
) -> AsyncIterator[Page]:
    context = await opened.new_context(viewport=view, color_scheme=scheme, locale="en-GB")
    page = await context.new_page()
    page.on("console", lambda said: print(said.text))
    page.on("pageerror", lambda said: print(said))
    await watch(page, messenger.url)
    yield page
    await context.close()
