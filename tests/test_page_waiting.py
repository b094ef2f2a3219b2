"""A text that has to wait: it says why, is sent when it can be, and can be taken back."""

import re
from collections.abc import Callable

from playwright.async_api import expect

from messenger.settings import Settings
from tests.between import FAILED, Posts, is_lost, loses_the_answer, nothing_waits
from tests.browser import browser, enter, say, watched_page
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving

SECOND = 1_000
MAYBE = "It may be in the room already"


async def test_a_text_waits_for_the_server(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """With no server the text waits and says so; when one is back it is sent without a hand."""
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        async with serving(private_store.url, settings()) as messenger:
            await enter(page, messenger.url)
            port = messenger.url.rpartition(":")[2]
        await expect(page.locator("#status")).to_have_text("Reconnecting …")
        await say(page, "patience")
        state = page.locator("#pending .state")
        await expect(state).to_contain_text("The server can't be reached", timeout=15 * SECOND)
        async with serving(private_store.url, settings(port=port)) as messenger:
            await expect(page.locator("#messages .text")).to_have_text(
                "patience", timeout=20 * SECOND
            )
            await expect(page.locator("#pending li")).to_have_count(0)
            assert await messenger.texts() == ["patience"]


async def test_offline_texts_wait_until_there_is_a_network(messenger: Messenger) -> None:
    """Offline the page says so; the browser's word that it is back sends what waits."""
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await enter(page, messenger.url)
        await page.context.set_offline(True)
        await say(page, "from the tunnel")
        await expect(page.locator("#pending .state span")).to_have_text(
            "Offline: sent when you are back"
        )
        assert await messenger.texts() == []
        await page.context.set_offline(False)
        await expect(page.locator("#messages .text")).to_have_text("from the tunnel")
    assert await messenger.texts() == ["from the tunnel"]


async def test_what_waits_can_be_taken_back(messenger: Messenger) -> None:
    """Tried in vain, a text can be discarded or edited: it is not sent any more. It may have been
    posted all the same, and that is said."""
    posts = Posts()
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await posts.watch(page, is_lost)
        await enter(page, messenger.url)
        for choice, left in (("Discard", ""), ("Edit", "unsent")):
            await say(page, "unsent")
            await expect(page.locator("#pending .state")).to_contain_text("tried again soon")
            await page.get_by_role("button", name=choice).click()
            await expect(page.locator("#pending li")).to_have_count(0)
            await expect(page.get_by_label("Message", exact=True)).to_have_value(left)
            await expect(page.locator("#notice")).to_contain_text(MAYBE)
            assert await nothing_waits(page)
            await page.get_by_role("button", name="Close").click()
    assert await messenger.texts() == []


async def test_what_was_taken_back_may_be_in_the_room(messenger: Messenger) -> None:
    """The server had it and its answer was lost: what was said on taking it back was true."""
    posts = Posts()
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await posts.watch(page, loses_the_answer, is_lost)
        await enter(page, messenger.url)
        await say(page, "sent after all")
        await expect(page.locator("#messages .text")).to_have_text("sent after all")
        await page.reload()
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("#notice")).to_contain_text(MAYBE)
    assert await messenger.texts() == ["sent after all"]


async def test_what_the_rate_holds_can_be_taken_back(
    run_messenger: Callable[..., Messenger],
) -> None:
    """While the seconds count the focus stays on the button; what was held was never in the room, and
    the rate goes on holding what comes after it."""
    messenger = await run_messenger(post_rate="1/10m")
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await enter(page, messenger.url)
        await say(page, "first")
        await expect(page.locator("#messages .text")).to_have_text("first")
        await say(page, "held")
        state = page.locator("#pending .state span")
        await expect(state).to_contain_text(re.compile(r"sent in \d+ s"))
        words = await state.inner_text()
        discard = page.get_by_role("button", name="Discard")
        await discard.focus()
        await expect(state).not_to_have_text(words)
        await expect(discard).to_be_focused()
        await discard.press("Enter")
        await expect(page.locator("#pending li")).to_have_count(0)
        await expect(page.locator("#notice")).to_be_hidden()
        limits = page.locator("#limits")
        words = await limits.inner_text()
        assert re.search(r"next in \d+ s", words)
        await expect(limits).not_to_have_text(words)
        await expect(limits).to_contain_text(re.compile(r"next in \d+ s"))
        await say(page, "after it")
        await expect(page.locator("#pending .text")).to_have_text("after it")
    assert await messenger.texts() == ["first"]
