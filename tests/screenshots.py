"""Pictures of the page's states, written to docs/screenshots by `make screenshots`: to be looked at."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, Page, Route, expect

from messenger.settings import load
from tests import ops_screenshots
from tests.browser import browser
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.sources import ROOT

_FOLDER = ROOT / "docs" / "screenshots"
_DESK = {"width": 1280, "height": 800}
_PHONE = {"width": 360, "height": 740}
_SAID: tuple[tuple[str, str, str | None], ...] = (
    ("Ann", "Morning! The build is green again.", None),
    ("Bob", "The talk is at https://example.org/talks/streams_(2026), at ten.", "10m"),
    ("دانا", "صباح الخير، سأكون هناك بعد خمس دقائق", "5m"),
    ("Zoë", "Code for the door: 4711 🔑", "40s"),
    ("Олена", "Дякую!\nЯ вже в дорозі", "90s"),
    ("Ann", "See you there. This one is gone in a moment.", "12s"),
)


async def main() -> None:
    store = PrivateStore()
    store.start()
    _FOLDER.mkdir(exist_ok=True)
    try:
        settings = load({"port": "0", "post_rate": "20/10s"})
        async with serving(store.url, settings) as messenger, browser() as opened:
            await _take_all(messenger, opened, store)
        await ops_screenshots.take(store, _FOLDER)
    finally:
        store.remove()


async def _take_all(messenger: Messenger, opened: Browser, store: PrivateStore) -> None:
    for name, view, scheme in (
        ("empty", _DESK, "light"),
        ("empty-phone-dark", _PHONE, "dark"),
    ):
        async with _room(messenger, opened, view, scheme) as page:
            await _shoot(page, name)
    await _say(messenger)
    for name, view, scheme in (
        ("busy", _DESK, "light"),
        ("busy-dark", _DESK, "dark"),
        ("phone", _PHONE, "light"),
        ("phone-dark", _PHONE, "dark"),
    ):
        async with _room(messenger, opened, view, scheme) as page:
            await page.get_by_label("Message", exact=True).fill("On my way")
            await _shoot(page, name)
    await _states(messenger, opened)
    async with _room(messenger, opened, _DESK, "light") as page:
        with store.client() as client:
            client.flushall()
        await expect(page.locator("#notice")).to_be_visible()
        await _shoot(page, "gap")


async def _states(messenger: Messenger, opened: Browser) -> None:
    async with _room(messenger, opened, _PHONE, "light") as page:
        await page.get_by_role("button", name="Rooms").click()
        await _shoot(page, "rooms-phone")
    async with _room(messenger, opened, _DESK, "light") as page:
        await page.route("**/messages", lambda route: route.abort())
        await _write(page, "This one waits for the server")
        await expect(page.locator("#pending .state")).to_contain_text("tried again soon")
        await _shoot(page, "pending")
    async with _room(messenger, opened, _DESK, "dark") as page:
        await page.route("**/messages", _refuse)
        await _write(page, "This one is refused")
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
        await _shoot(page, "failed")
    async with _room(messenger, opened, _DESK, "light") as page:
        await messenger.post("Going, going …", author="Ann", ttl=4_000)
        await expect(page.locator(".leaving")).to_be_visible(timeout=10_000)
        await page.wait_for_timeout(700)
        await _shoot(page, "leaving")


@contextlib.asynccontextmanager
async def _room(
    messenger: Messenger, opened: Browser, view: Any, scheme: Any
) -> AsyncIterator[Page]:
    context = await opened.new_context(viewport=view, color_scheme=scheme, locale="en-GB")
    page = await context.new_page()
    await page.goto(messenger.url + "/r/lobby")
    await expect(page.locator("#status")).to_have_text("Live")
    yield page
    await context.close()


async def _say(messenger: Messenger) -> None:
    await messenger.post("Who brings the cake?", "kitchen", author="Bob")
    await messenger.post("deploy at noon", "operations", author="Ann", ttl="2m")
    for author, text, life in _SAID:
        await messenger.post(text, author=author, **({"ttl": life} if life else {}))


async def _write(page: Page, text: str) -> None:
    await page.get_by_label("Name").fill("Kim")
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()


async def _refuse(route: Route) -> None:
    problem = '{"detail": "the text may not hold U+202E, as at its character 4"}'
    await route.fulfill(status=422, body=problem, content_type="application/problem+json")


async def _shoot(page: Page, name: str) -> None:
    await page.wait_for_timeout(400)
    await page.screenshot(path=_FOLDER / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
