"""The page without JavaScript: all that matters works."""

from playwright.async_api import Locator, Page, expect

from tests.browser import browser, say, shown, watched_page
from tests.filling import fill, numbers
from tests.serving import Messenger


async def test_the_first_render_shows_the_room(messenger: Messenger) -> None:
    """What was said stands in the document as it comes, with until when it lives; the other rooms do,
    and a link that refreshes it."""
    await messenger.post("hello", author="ann")
    await messenger.post("elsewhere", room="garden")
    async with browser() as opened, watched_page(opened, java_script_enabled=False) as page:
        await page.goto(messenger.url + "/")
        assert await shown(page) == ["hello"]
        await expect(page.locator("#messages .author")).to_have_text("ann")
        await expect(page.locator("#messages .left")).to_contain_text("until ")
        await expect(page.locator("#room-list")).to_contain_text("garden")
        await messenger.post("later")
        await page.get_by_role("link", name="Refresh").click()
        assert await shown(page) == ["hello", "later"]
        await page.get_by_role("link", name="garden").click()
        assert await shown(page) == ["elsewhere"]


async def test_older_messages_are_a_link_away(messenger: Messenger) -> None:
    """The past comes in pages, in both directions."""
    await fill(messenger, 250)
    async with browser() as opened, watched_page(opened, java_script_enabled=False) as page:
        await page.goto(messenger.url + "/r/lobby")
        assert await shown(page) == numbers(150, 250)
        older = page.get_by_role("link", name="Older messages")
        await older.click()
        assert await shown(page) == numbers(50, 150)
        await older.click()
        assert await shown(page) == numbers(0, 50)
        await expect(older).to_be_hidden()
        await page.get_by_role("link", name="Newest messages").click()
        assert await shown(page) == numbers(150, 250)


async def test_a_message_is_posted_with_a_life_of_its_own(messenger: Messenger) -> None:
    """Name, text and life are sent by the form; a reload of the answer posts nothing again."""
    async with browser() as opened, watched_page(opened, java_script_enabled=False) as page:
        await page.goto(messenger.url + "/r/my-room")
        await page.get_by_label("Name", exact=True).fill("ann")
        await say(page, "brief", life="1m")
        assert await shown(page) == ["brief"]
        await page.reload()
    (message,) = (await messenger.page("my-room"))["messages"]
    assert message["expires_at"] - message["created_at"] == 60_000
    assert message["author"] == "ann"


async def test_a_refusal_is_said_and_keeps_all_that_was_written(messenger: Messenger) -> None:
    """Text, name and life are still in the form, with the reason beside them."""
    async with (
        browser() as opened,
        watched_page(opened, allowing="status of 422", java_script_enabled=False) as page,
    ):
        await page.goto(messenger.url + "/r/lobby")
        await page.get_by_label("Name", exact=True).fill("ann")
        await say(page, "turned \u202eround", life="5m")
        await expect(page.locator("#problem")).to_contain_text("the text may not hold U+202E")
        await expect(field(page, "Message")).to_have_value("turned \u202eround")
        await expect(field(page, "Name")).to_have_value("ann")
        await expect(field(page, "Gone after")).to_have_value("5m")
        await say(page, "turned round")
        assert await shown(page) == ["turned round"]


def field(page: Page, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


async def test_a_room_is_opened_by_its_name(messenger: Messenger) -> None:
    """The form leads to the room; on a phone the list opens without a script."""
    narrow = {"width": 360, "height": 700}
    async with (
        browser() as opened,
        watched_page(opened, java_script_enabled=False, viewport=narrow) as page,
    ):
        await page.goto(messenger.url + "/r/lobby")
        await page.get_by_role("button", name="Rooms").click()
        await page.get_by_label("Open or make a room").fill("My Garden")
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator("h1")).to_have_text("My-Garden")
