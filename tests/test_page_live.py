"""The page while others talk: it does not move under a reader, misses nothing, and does not grow."""

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import Page, Route, expect

from messenger.settings import Settings
from tests.browser import HIDEABLE, browser, enter, shown, watched_page
from tests.filling import fill, numbers
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until

MOST = 300
SECOND = 1_000
# Only an installed page has a badge: here it is told what it would show.
BADGE = "navigator.setAppBadge = async (count) => { window.badge = count; };"


async def scroll(page: Page, to: str) -> None:
    await page.evaluate(f"pane.scrollTop = {to}")


async def top_of(page: Page, text: str) -> float:
    box = await page.get_by_text(text, exact=True).bounding_box()
    assert box is not None
    return box["y"]


async def subscribers(messenger: Messenger) -> int:
    async with messenger.session.get(messenger.url + "/metrics") as response:
        found = re.search(r"^messenger_subscribers (\d+)", await response.text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


async def has_subscribers(messenger: Messenger, count: int) -> bool:
    return await subscribers(messenger) == count


async def test_what_is_read_does_not_move(messenger: Messenger) -> None:
    """Scrolled up, new messages leave the page where it is and are counted on a button and in the
    title; the button leads to them."""
    await fill(messenger, 60)
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await scroll(page, "600")
        jump = page.locator("#jump")
        await expect(jump).to_be_hidden()
        before = await top_of(page, "number 20")
        await fill(messenger, 3, first=60)
        await expect(jump).to_have_text("3 new ↓")
        await expect(page).to_have_title("(3) lobby · Messenger")
        assert await top_of(page, "number 20") == before
        await jump.click()
        await expect(page.locator("#messages li").last).to_be_in_viewport()
        await expect(page.locator("#messages .text").last).to_have_text("number 62")
        await expect(jump).to_be_hidden()
        await expect(page).to_have_title("lobby · Messenger")


async def test_at_the_end_new_messages_are_in_view(messenger: Messenger) -> None:
    """Who reads the newest goes on reading the newest."""
    await fill(messenger, 60)
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        for number in range(60, 64):
            await fill(messenger, 1, first=number)
            await expect(page.locator("#messages .text").last).to_have_text(f"number {number}")
            await expect(page.locator("#messages .text").last).to_be_in_viewport()
        await expect(page.locator("#jump")).to_be_hidden()


async def test_the_past_loads_on_the_way_up_and_the_present_on_the_way_back(
    messenger: Messenger,
) -> None:
    """All 400 messages can be read, in order and each once, and never more than 300 are held."""
    await fill(messenger, 400)

    async def at_the_oldest() -> bool:
        await scroll(page, "0")
        assert await page.locator("#messages li").count() <= MOST
        return await page.locator("#older").is_hidden()

    async def at_the_newest() -> bool:
        await scroll(page, "pane.scrollHeight")
        assert await page.locator("#messages li").count() <= MOST
        return (await shown(page))[-1] == "number 402" and await page.locator("#jump").is_hidden()

    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        assert await shown(page) == numbers(300, 400)
        await wait_until(at_the_oldest, "the oldest is shown", seconds=20)
        assert await shown(page) == numbers(0, MOST)
        await fill(messenger, 3, first=400)
        await expect(page.locator("#jump")).to_have_text("3 new ↓")
        assert await shown(page) == numbers(0, MOST)
        await wait_until(at_the_newest, "the newest is shown", seconds=20)
        assert await shown(page) == numbers(103, 403)
        await fill(messenger, 1, first=403)
        await expect(page.locator("#messages .text").last).to_have_text("number 403")


async def test_the_jump_leads_back_from_far_away(messenger: Messenger) -> None:
    """From where the newest are not even held, one click shows them, and the stream goes on there."""
    await fill(messenger, 400)

    async def at_the_oldest() -> bool:
        await scroll(page, "0")
        return await page.locator("#older").is_hidden()

    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await wait_until(at_the_oldest, "the oldest is shown", seconds=20)
        await expect(page.locator("#jump")).to_have_text("Newest ↓")
        await page.locator("#jump").click()
        await expect(page.locator("#messages .text").last).to_have_text("number 399")
        await expect(page.locator("#messages li").last).to_be_in_viewport()
        await fill(messenger, 1, first=400)
        await expect(page.locator("#messages .text").last).to_have_text("number 400")
        await expect(page.locator("#jump")).to_be_hidden()


async def test_a_day_of_use_does_not_grow_the_page(messenger: Messenger) -> None:
    """3,000 messages later the page holds the newest 300 and no more, also for a reader who had
    scrolled up."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        for first in range(0, 3_000, 500):
            if first == 2_500:
                await scroll(page, "600")
                await expect(page.locator("#messages li").first).not_to_be_in_viewport()
            await fill(messenger, 500, first=first)
            if first < 2_500:
                last = page.locator("#messages .text").last
                await expect(last).to_have_text(f"number {first + 499}", timeout=20 * SECOND)
            assert await page.locator("#messages li").count() <= MOST
        await expect(page.locator("#jump")).to_have_text("500 new ↓", timeout=20 * SECOND)
        assert await shown(page) == numbers(2_200, 2_500)
        assert await page.evaluate('document.querySelectorAll("*").length') < MOST * 15


async def test_tabs_in_a_room_share_a_connection(messenger: Messenger) -> None:
    """Two tabs of a browser take one stream. The one that comes later has what was said while it
    loaded; the connection ends with the last of them."""
    may_go = asyncio.Event()

    async def waits(route: Route) -> None:
        await may_go.wait()
        await route.continue_()

    async with browser() as opened:
        context = await opened.new_context()
        async with watched_page(context) as first, watched_page(context) as second:
            await enter(first, messenger.url)
            await second.route("**/static/page.js", waits)
            await second.goto(messenger.url + "/r/lobby", wait_until="commit")
            await second.locator("#composer").wait_for()
            await messenger.post("while it loaded")
            await expect(first.locator("#messages .text")).to_have_text("while it loaded")
            may_go.set()
            await expect(second.locator("#status")).to_have_text("Live")
            await messenger.post("for both")
            for page in (first, second):
                await expect(page.locator("#messages .text")).to_have_text(
                    ["while it loaded", "for both"]
                )
            assert await subscribers(messenger) == 1
            await enter(first, messenger.url, "elsewhere")
            assert await subscribers(messenger) == 2
            await messenger.post("still here")
            await expect(second.locator("#messages .text").last).to_have_text("still here")
            await enter(second, messenger.url, "elsewhere")
            await wait_until(lambda: has_subscribers(messenger, 1), "the lobby's stream has ended")
            await first.go_back()
            await expect(first.locator("#messages .text").last).to_have_text("still here")
            await expect(first.locator("#status")).to_have_text("Live")
        await context.close()
    await wait_until(lambda: has_subscribers(messenger, 0), "all streams have ended")


async def test_a_history_that_begins_anew_is_told(
    messenger: Messenger, private_store: PrivateStore
) -> None:
    """The store was emptied: a notice says so in words, until it is closed."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await messenger.post("before")
        await expect(page.locator("#messages li")).to_have_count(1)
        with private_store.client() as client:
            client.flushall()
        await expect(page.locator("#notice")).to_contain_text("The history began anew.")
        await expect(page.locator("#messages li")).to_have_count(0)
        await page.get_by_role("button", name="Close").click()
        await expect(page.locator("#notice")).to_be_hidden()


async def test_what_came_and_went_meanwhile_is_told(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Back after what was said is over, a notice says that there was something."""
    async with browser() as opened, watched_page(opened, allowing="ERR_") as page:
        async with serving(private_store.url, settings()) as messenger:
            await messenger.post("before", ttl=1_000)
            await enter(page, messenger.url)
            port = messenger.url.rpartition(":")[2]
        await expect(page.locator("#status")).to_have_text("Reconnecting …")
        async with serving(private_store.url, settings()) as elsewhere:
            await elsewhere.post("missed", ttl=1_000)
            await wait_until(lambda: _is_empty(elsewhere), "it is over")
        async with serving(private_store.url, settings(port=port)):
            await expect(page.locator("#status")).to_have_text("Live", timeout=15 * SECOND)
            await expect(page.locator("#notice")).to_contain_text("messages came and went")


async def test_the_title_counts_what_is_unseen(messenger: Messenger) -> None:
    """Behind another tab the title counts, and so does the icon of an installed page; both forget when
    the page is looked at."""
    async with browser() as opened, watched_page(opened) as page:
        await page.add_init_script(HIDEABLE)
        await page.add_init_script(BADGE)
        await enter(page, messenger.url)
        await page.evaluate("hide(true)")
        await fill(messenger, 2)
        await expect(page).to_have_title("(2) lobby · Messenger")
        assert await page.evaluate("badge") == 2
        await page.evaluate("hide(false)")
        await expect(page).to_have_title("lobby · Messenger")
        assert await page.evaluate("badge") == 0


async def _is_empty(messenger: Messenger) -> bool:
    return not await messenger.texts()
