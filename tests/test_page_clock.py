"""The page keeps the store's time."""

import asyncio
import json

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

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


async def test_a_heartbeat_tells_the_time_and_one_that_lay_here_does_not(
    messenger: Messenger,
) -> None:
    """A quiet room's heartbeat says how late it is. One from before a sleep, read after it, is no
    answer: what may be over stays hidden until there is one."""
    rooms, sockets = Rooms(), list[WebSocketRoute]()

    async def beat(after: int) -> None:
        page_now = (await messenger.page())["now"] + after
        frame = {"event": "heartbeat", "id": "0-1", "data": {"now": page_now}}
        sockets[0].send(json.dumps(frame))

    def passes(route: WebSocketRoute) -> None:
        sockets.append(route)
        route.connect_to_server()

    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script("delete window.SharedWorker;")
        await page.add_init_script(CLOCK % 0)
        await page.route_web_socket("**/socket*", passes)
        await rooms.watch(page)
        await enter(page, messenger.url)
        await messenger.post("five minutes", ttl=300_000)
        await messenger.post("a quarter")
        five, quarter = (page.locator("#messages li").nth(index) for index in range(2))
        await expect(quarter).to_be_visible()
        rooms.may_come.clear()
        await page.evaluate("jump(600_000)")
        await expect(five).to_be_hidden()
        await beat(-1_000)
        await messenger.post("after it", ttl=1_000)
        await expect(page.get_by_text("after it")).to_have_count(1)
        await expect(page.get_by_text("after it")).to_have_count(0)
        await expect(five).to_be_hidden()
        await beat(600_000)
        await expect(five).to_have_count(1)
        await expect(page.get_by_text("five minutes")).to_have_count(0)
        await expect(page.get_by_text("a quarter")).to_be_visible()


async def _is_empty(messenger: Messenger) -> bool:
    return not await messenger.texts()
