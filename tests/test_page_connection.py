"""The page's way to the room: a WebSocket, a stream where none gets through, another tab's."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.browser import browser, enter, shown, watched_page
from tests.serving import Messenger
from tests.waiting import wait_until

SECOND = 1_000
# Without shared workers a tab has a connection of its own, which a test can see and stand in.
ALONE = "delete window.SharedWorker;"
# So many pages lose their sockets at once; how long each waits before it comes back.
LOSE = """async (pages) => {
  const { follow } = await import("/static/stream.js");
  const later = window.setTimeout, waits = [];
  window.WebSocket = class { constructor() { later(() => this.onclose()); } close() {} };
  window.setTimeout = (work, wait) => { if (work.name === "open") waits.push(wait); };
  const told = () => {};
  for (let page = 0; page < pages; page += 1) follow("lobby", "0-0", told);
  while (waits.length < pages) await new Promise((done) => later(done, 5));
  return waits;
}"""


class Ways:
    """What a page that is alone connected by."""

    def __init__(self, page: Page) -> None:
        self.taken: list[str] = []
        page.on("websocket", lambda _: self.taken.append("socket"))
        page.on("request", self._see)

    def _see(self, asked: object) -> None:
        if getattr(asked, "resource_type", None) == "eventsource":
            self.taken.append("stream")


async def is_closed(route: WebSocketRoute) -> None:
    """A proxy that lets no WebSocket through."""
    await route.close()


async def is_silent(_: WebSocketRoute) -> None:
    """One that opens it and lets nothing through."""


async def erase(messenger: Messenger, posted: dict[str, str]) -> None:
    async with messenger.session.delete(
        f"{messenger.url}/api/rooms/{posted['room']}/messages/{posted['id']}",
        headers={"Authorization": f"Bearer {posted['erase_token']}"},
    ) as response:
        assert response.status == 204


async def test_the_page_is_live_by_a_websocket(messenger: Messenger) -> None:
    """Of those a browser opens more than six to a host."""
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(ALONE)
        ways = Ways(page)
        await enter(page, messenger.url)
        await messenger.post("live")
        await expect(page.locator("#messages .text")).to_have_text("live")
        assert ways.taken == ["socket"]


@pytest.mark.parametrize("does", [is_closed, is_silent])
async def test_where_no_websocket_gets_through_the_page_is_live_by_a_stream(
    messenger: Messenger, does: Callable[[WebSocketRoute], Awaitable[None]]
) -> None:
    """Nobody has to know: it takes a few seconds, and misses nothing of them."""
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(ALONE)
        await page.route_web_socket("**/socket*", does)
        ways = Ways(page)
        await page.goto(messenger.url + "/r/lobby")
        await messenger.post("meanwhile")
        await expect(page.locator("#status")).to_have_text("Live", timeout=20 * SECOND)
        await expect(page.locator("#messages .text")).to_have_text("meanwhile")
        await messenger.post("live")
        await expect(page.locator("#messages .text")).to_have_text(["meanwhile", "live"])
        assert ways.taken[-1] == "stream"


async def test_a_connection_that_breaks_is_taken_up_again(messenger: Messenger) -> None:
    """What came meanwhile is there, once and in order; and it is a socket again."""
    routes: list[WebSocketRoute] = []
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(ALONE)
        ways = Ways(page)

        def passes(route: WebSocketRoute) -> None:
            routes.append(route)
            route.connect_to_server()

        await page.route_web_socket("**/socket*", passes)
        await messenger.post("before")
        await enter(page, messenger.url)
        await messenger.post("live")
        await expect(page.locator("#messages .text")).to_have_text(["before", "live"])
        await routes[0].close()
        await expect(page.locator("#status")).to_have_text("Reconnecting …")
        await messenger.post("meanwhile")
        await expect(page.locator("#status")).to_have_text("Live", timeout=10 * SECOND)
        await expect(page.locator("#messages .text")).to_have_text(["before", "live", "meanwhile"])
        assert len(routes) == 2
        assert "stream" not in ways.taken


async def test_a_network_that_is_back_is_used_at_once(
    messenger: Messenger,
) -> None:
    """The old connection may hang on a network that is no more, and nothing says so: with the
    browser's word that there is one, a new connection takes up where it was."""
    routes: list[WebSocketRoute] = []
    dropped: list[str | bytes] = []
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(ALONE)

        def hangs_once(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            routes.append(route)
            if len(routes) == 1:
                server.on_message(
                    lambda said: dropped.append(said) if "lost" in str(said) else route.send(said)
                )

        await page.route_web_socket("**/socket*", hangs_once)
        await enter(page, messenger.url)
        await messenger.post("lost on the way")
        await messenger.post("lost as well")
        await wait_until(lambda: len(dropped) == 2, "both were lost")
        assert await shown(page) == []

        async def has_both() -> bool:
            await page.evaluate('dispatchEvent(new Event("online"))')
            return await shown(page) == ["lost on the way", "lost as well"]

        await wait_until(has_both, "both are there")
        assert len(routes) == 2


async def test_a_page_that_comes_back_at_once_is_live(messenger: Messenger) -> None:
    """Left and shown again from the browser's memory within a blink, it connects anew."""
    leave_and_return = """
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    """
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(ALONE)
        await enter(page, messenger.url)
        await page.evaluate(leave_and_return * 2)
        await messenger.post("live")
        await expect(page.locator("#messages .text")).to_have_text("live")


async def test_a_tab_that_joins_learns_what_was_erased_before_it_came(
    messenger: Messenger,
) -> None:
    """It takes another tab's connection, on which the erasure came by before: it asks for it. What was
    said meanwhile is there, too."""
    may_go = asyncio.Event()

    async def waits(route: Route) -> None:
        await may_go.wait()
        await route.continue_()

    posted = await messenger.post("regretted")
    async with browser() as opened:
        context = await opened.new_context()
        async with watched_page(context) as first, watched_page(context) as second:
            await enter(first, messenger.url)
            await second.route("**/static/page.js", waits)
            await second.goto(messenger.url + "/r/lobby", wait_until="commit")
            await expect(second.locator("#messages .text")).to_have_text("regretted")
            await erase(messenger, posted)
            for number in range(60):
                await messenger.post(f"number {number}")
            await expect(first.locator("#messages .text").last).to_have_text("number 59")
            may_go.set()
            await expect(second.locator("#status")).to_have_text("Live")
            await expect(second.locator("#messages .text").last).to_have_text("number 59")
            assert await shown(second) == [f"number {number}" for number in range(60)]
        await context.close()


async def test_pages_come_back_spread(messenger: Messenger) -> None:
    """A restart closes all sockets at once. Each page waits for a time of its own, from half a second to
    three, and no fifth of that span has twice its share."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        waits = await page.evaluate(LOSE, 500)
    assert min(waits) >= 500
    assert max(waits) <= 3_000
    fifths = Counter((wait - 500) // 500 for wait in waits)
    assert max(fifths.values()) < 2 * len(waits) / 5
