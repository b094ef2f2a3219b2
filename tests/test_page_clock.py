"""The page keeps the store's time."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser import browser, enter, shown, watched_page
from tests.serving import Messenger
from tests.waiting import wait_until

HOUR = 3_600_000

# The browser's clock, wrong by so many milliseconds; `jump(ms)` sets it on, `sleep(ms)` has been a
# sleep of so long: the clock went on and performance.now did not.
CLOCK = """
const wall = Date.now, steady = performance.now.bind(performance), Real = Date;
let wrong = %d, slept = 0;
Date.now = () => wall() + wrong;
performance.now = () => steady() - slept;
window.Date = class extends Real {
  constructor(...given) { super(...(given.length ? given : [Real.now()])); }
};
window.jump = (ms) => { wrong += ms; };
window.sleep = (ms) => { slept += ms; };
"""


class Rooms:
    """Holds back the answer that tells the page the store's time, until it may come."""

    def __init__(self) -> None:
        self.may_come = asyncio.Event()
        self.may_come.set()

    async def watch(self, page: Page) -> None:
        async def handle(route: Route) -> None:
            await self.may_come.wait()
            await route.continue_()

        await page.route("**/api/rooms", handle)


@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
async def test_a_clock_that_is_an_hour_wrong_changes_nothing(
    messenger: Messenger, wrong: int
) -> None:
    """Messages show the time they have left and leave by the store's clock, whatever the browser's
    says."""
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(CLOCK % wrong)
        await messenger.post("there before", ttl=3_000)
        await enter(page, messenger.url)
        await messenger.post("stays")
        await messenger.post("goes", ttl=3_000)
        await expect(page.locator("#messages .text")).to_have_text(
            ["there before", "stays", "goes"]
        )
        await expect(page.locator("#messages .text")).to_have_text(["stays"])
        assert await messenger.texts() == ["stays"]
        await expect(page.locator("#messages .left")).to_have_text("gone in 14 min")


async def test_a_clock_that_is_set_takes_nothing_away(messenger: Messenger) -> None:
    """A jump could have been a sleep: what may be over is hidden until the store was asked, and shown
    again when it says that it lives."""
    rooms = Rooms()
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(CLOCK % 0)
        await rooms.watch(page)
        await messenger.post("five minutes", ttl=300_000)
        await messenger.post("a quarter")
        await enter(page, messenger.url)
        five, quarter = (page.locator("#messages li").nth(index) for index in range(2))
        await expect(five).to_be_visible()
        rooms.may_come.clear()
        await page.evaluate("jump(600_000)")
        await expect(five).to_be_hidden()
        await expect(quarter).to_be_visible()
        rooms.may_come.set()
        await expect(five).to_be_visible()
        assert await shown(page) == ["five minutes", "a quarter"]


async def test_after_a_sleep_what_is_over_is_not_seen(messenger: Messenger) -> None:
    """performance.now stood still: by it the message would live on for ten minutes. It is off the
    screen when it is over, though the store does not answer yet, and out of the page when it does."""
    rooms = Rooms()
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(CLOCK % 0)
        await rooms.watch(page)
        await enter(page, messenger.url)
        await messenger.post("brief", ttl=4_000)
        brief = page.locator("#messages li")
        await expect(brief).to_be_visible()
        rooms.may_come.clear()
        await page.evaluate("sleep(600_000)")
        await wait_until(lambda: _is_empty(messenger), "it is over")
        await expect(brief).to_be_hidden()
        await expect(brief).to_have_count(1)
        rooms.may_come.set()
        await expect(brief).to_have_count(0)


async def _is_empty(messenger: Messenger) -> bool:
    return not await messenger.texts()
