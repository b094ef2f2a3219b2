"""Rooms beside the messages, and notifications."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser import HIDEABLE, browser, enter, say, watched_page
from tests.serving import Messenger
from tests.waiting import wait_until

SECOND = 1_000
# The page's service worker is registered when the test says so.
_INSTALLED_LATER = """
  const register = navigator.serviceWorker.register.bind(navigator.serviceWorker);
  const installing = new Promise((done) => (window.install = done));
  navigator.serviceWorker.register = (...given) => installing.then(() => register(...given));
"""


def row(page: Page, room: str) -> Locator:
    return page.locator(f'#room-list a[data-room="{room}"]')


async def test_the_list_tells_how_long_a_room_lives(messenger: Messenger) -> None:
    """Each living room stands there with when it was last spoken in and when it will be empty, and
    leads into it."""
    await messenger.post("hello", room="garden")
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await expect(row(page, "garden").locator("small")).to_have_text(
            re.compile(r"^\d\d?:\d\d.* · empty in 14 min$")
        )
        await expect(row(page, "lobby")).to_have_attribute("aria-current", "page")
        await expect(row(page, "lobby").locator("small")).to_have_text("empty")
        await row(page, "garden").click()
        await expect(page.locator("h1")).to_have_text("garden")
        await expect(page.locator("#fate")).to_have_text("empty in 14 min")


async def test_a_room_with_something_new_is_marked(messenger: Messenger) -> None:
    """What this browser has seen is not new; what came since is, until it goes there."""
    await messenger.post("seen")
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await expect(page.locator("#messages li")).to_have_count(1)
        await enter(page, messenger.url, "garden")
        await expect(row(page, "lobby").locator("small")).to_have_text(re.compile("empty in"))
        await expect(row(page, "lobby")).not_to_have_class("unread")
        await messenger.post("not seen")
        await expect(row(page, "lobby")).to_have_class("unread", timeout=15 * SECOND)
        await expect(row(page, "lobby")).to_contain_text("(new messages)")
        await row(page, "lobby").click()
        await expect(page.locator("h1")).to_have_text("lobby")
        await expect(page.locator("#status")).to_have_text("Live")
        await expect(page.locator("#messages li")).to_have_count(2)
        await enter(page, messenger.url, "garden")
        await expect(row(page, "lobby").locator("small")).to_have_text(re.compile("empty in"))
        await expect(row(page, "lobby")).not_to_have_class("unread")


async def test_a_room_is_opened_by_its_name(messenger: Messenger) -> None:
    """A name leads to its room, as a person types it; a bad one is refused with the reason."""
    async with browser() as opened, watched_page(opened, allowing="status of 400") as page:
        await enter(page, messenger.url)
        name = page.get_by_label("Open or make a room")
        await name.fill("  #my new room ")
        await name.press("Enter")
        await expect(page.locator("h1")).to_have_text("my-new-room")
        assert page.url == messenger.url + "/r/my-new-room"
        await expect(row(page, "my-new-room")).to_have_attribute("aria-current", "page")
        await name.fill("a/b")
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_text("a room's name is 1 to 64 letters")).to_be_visible()


async def test_the_list_is_a_button_away_on_a_phone(messenger: Messenger) -> None:
    """Where there is no room for it the list opens by a button and closes by Escape."""
    await messenger.post("hello", room="garden")
    narrow = {"width": 360, "height": 700}
    async with browser() as opened, watched_page(opened, viewport=narrow) as page:
        await enter(page, messenger.url)
        await expect(row(page, "garden")).to_be_hidden()
        await page.get_by_role("button", name="Rooms").click()
        await expect(row(page, "garden")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(row(page, "garden")).to_be_hidden()
        await page.get_by_role("button", name="Rooms").click()
        await row(page, "garden").click()
        await expect(page.locator("h1")).to_have_text("garden")


async def notifications(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications())
          .map(({ title, body, tag, data }) => ({ title, body, tag, data }))"""
    )
    return found


async def bodies(page: Page) -> list[str]:
    return [each["body"] for each in await notifications(page)]


async def test_notifications_tell_a_number_and_no_word(messenger: Messenger) -> None:
    """Off until asked for, though the browser would let us. Then they tell the room and how many
    messages came, and go when the page is looked at."""
    async with browser() as opened:
        context = await opened.new_context(permissions=["notifications"])
        async with watched_page(context) as page:
            await page.add_init_script(HIDEABLE)
            await enter(page, messenger.url)
            button = page.locator("#notify")
            await expect(button).to_have_attribute("aria-pressed", "false")
            await page.evaluate("hide(true)")
            await messenger.post("a secret", author="somebody")
            await expect(page).to_have_title("(1) lobby · Messenger")
            assert await notifications(page) == []
            await page.evaluate("hide(false)")
            await button.click()
            await expect(button).to_have_attribute("aria-pressed", "true")
            await page.evaluate("hide(true)")
            await messenger.post("a secret", author="somebody")
            await wait_until(lambda: _has(page, ["1 new message"]), "it is told")
            await messenger.post("another secret", author="somebody")
            await wait_until(lambda: _has(page, ["2 new messages"]), "both are told, in one")
            (told,) = await notifications(page)
            assert told["title"] == "lobby"
            assert "secret" not in str(told)
            assert "somebody" not in str(told)
            await page.evaluate("hide(false)")
            await wait_until(lambda: _has(page, []), "it is taken back")
        await context.close()


async def test_a_notification_goes_with_what_it_tells_of(messenger: Messenger) -> None:
    """When the messages are over it is closed, also while nobody looks."""
    async with browser() as opened:
        context = await opened.new_context(permissions=["notifications"])
        async with watched_page(context) as page:
            await page.add_init_script(HIDEABLE)
            await enter(page, messenger.url)
            await page.locator("#notify").click()
            await page.evaluate("navigator.serviceWorker.ready.then(() => hide(true))")
            await messenger.post("brief", ttl=3_000)
            await wait_until(lambda: _has(page, ["1 new message"]), "it is told")
            await wait_until(lambda: _has(page, []), "it is taken back")
            assert await messenger.texts() == []
            await say(page, "own words are not told")
            await expect(page.locator("#messages li")).to_have_count(1)
            assert await notifications(page) == []
        await context.close()


async def test_what_comes_while_the_worker_is_installed_is_told(messenger: Messenger) -> None:
    """On a first visit notifications wait for it: what came before is told when it is there."""
    async with browser() as opened:
        context = await opened.new_context(permissions=["notifications"])
        async with watched_page(context) as page:
            await page.add_init_script(HIDEABLE)
            await page.add_init_script(_INSTALLED_LATER)
            await enter(page, messenger.url)
            await page.locator("#notify").click()
            await page.evaluate("hide(true)")
            await messenger.post("early")
            await expect(page).to_have_title("(1) lobby · Messenger")
            await page.evaluate("install()")
            await wait_until(lambda: _has(page, ["1 new message"]), "it is told")
        await context.close()


async def _has(page: Page, expected: list[str]) -> bool:
    return await bodies(page) == expected


async def test_a_room_is_shared_by_its_address(messenger: Messenger) -> None:
    """The button gives the room's address to whoever is to come, and says that it did."""
    async with browser() as opened:
        context = await opened.new_context(permissions=["clipboard-read", "clipboard-write"])
        async with watched_page(context) as page:
            await page.add_init_script("navigator.share = undefined")
            await enter(page, messenger.url, "grüner-garten")
            await page.get_by_role("button", name="Share this room").click()
            await expect(page.locator("#notice")).to_contain_text("The room's address was copied.")
            address = await page.evaluate("navigator.clipboard.readText()")
            assert address == messenger.url + "/r/gr%C3%BCner-garten"
            await page.goto(address)
            await expect(page.locator("h1")).to_have_text("grüner-garten")
        await context.close()
