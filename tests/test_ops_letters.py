"""Dead letters on the operators' page: listed without their texts, handed out again, dropped."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from messenger.entries import EntryId
from messenger.log import Log
from tests.browser import browser, watched_page
from tests.consuming import letters, pending
from tests.operating import TOKEN, bury, watch
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.serving import Messenger


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


@pytest.fixture
def log(messenger: Messenger) -> Log:
    assert messenger.logs is not None
    return messenger.logs.all[0]


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).click()


async def test_a_text_is_shown_only_when_asked_for(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """The list has the reason, the entry and its time; Show has the text too, as text, and Hide takes
    it away again."""
    (entry,) = await bury(private_store, log, "<img src=x onerror=alert(1)>")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        letter = page.locator("#letters li")
        await expect(letter).to_contain_text("SMTPServerDisconnected")
        await expect(letter).to_contain_text(f"0/{entry}")
        await expect(letter).to_contain_text("3 attempts")
        assert "onerror" not in await page.content()
        show = page.get_by_role("button", name=f"Show of mailer, {entry}")
        await show.click()
        await expect(letter.locator("dd", has_text="<img")).to_have_text(
            "<img src=x onerror=alert(1)>"
        )
        await expect(show).to_have_attribute("aria-expanded", "true")
        await show.click()
        await expect(letter.locator("dl")).to_have_count(0)
        assert "onerror" not in await page.content()


async def test_requeue_hands_it_out_again(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """The letter leaves the page, which says what happened; the group has its entry again."""
    first, _, _ = await bury(private_store, log, "one", "two", "three")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await press(page, f"Requeue of mailer, {first}")
        await expect(page.locator("#dug")).to_have_text(
            "mailer: 1 dead letter handed to the group again."
        )
        await expect(page.locator("#letters li")).to_have_count(2)
        with private_store.client() as client:
            assert pending(client, "mailer") == 1
            await press(page, "Requeue all of mailer")
            await expect(page.locator("#dug")).to_contain_text("2 dead letters handed")
            assert pending(client, "mailer") == 3
        await expect(page.locator("#no-letters")).to_be_visible()


async def test_drop_asks_first(private_store: PrivateStore, messenger: Messenger, log: Log) -> None:
    """Kept, it stays; dropped, it is gone and the page says so. Its message lives on."""
    first, _ = await bury(private_store, log, "one", "two")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        for answer, left in (("Escape", 2), ("Keep", 2), ("Drop", 1)):
            await press(page, f"Drop of mailer, {first}")
            dialog = page.get_by_role("dialog")
            await expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
            if answer == "Escape":
                await page.keyboard.press("Escape")
            else:
                await dialog.get_by_role("button", name=answer).click()
            await expect(dialog).to_be_hidden()
            await expect(page.locator("#letters li")).to_have_count(left)
            with private_store.client() as client:
                assert len(letters(client, "mailer")) == left
        await expect(page.locator("#dug")).to_have_text("mailer: 1 dead letter dropped.")
        await press(page, "Drop all of mailer")
        await page.get_by_role("dialog").get_by_role("button", name="Drop").click()
        await expect(page.locator("#no-letters")).to_be_visible()
    assert await messenger.texts() == ["one", "two"]


async def test_what_can_not_be_handed_out_is_said(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """Its entry is no more in the log: the letter stays, with the reason on the page."""
    (entry,) = await bury(private_store, log, "one")
    async with browser() as opened, watched_page(opened, allowing="status of 410") as page:
        await watch(page, messenger.url)
        await expect(page.locator("#letters li")).to_have_count(1)
        with private_store.client() as client:
            client.xdel(KEYS.log, entry)
        await press(page, f"Requeue of mailer, {entry}")
        await expect(page.locator("#dug.bad")).to_contain_text("no more in the log")
        await expect(page.locator("#letters li")).to_have_count(1)


async def test_what_is_over_leaves_with_its_text(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """A letter that is open goes when its message is erased, and one whose time is over at that."""
    entry, _ = await bury(private_store, log, "erased soon", "later")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        for button in await page.get_by_role("button", name=re.compile("^Show of")).all():
            await button.click()
        await expect(page.locator("#letters dl")).to_have_count(2)
        await log.erase("lobby", EntryId.parse(entry), "operator")
        await expect(page.locator("#letters dl")).to_have_count(1, timeout=4_000)
        assert "erased soon" not in await page.content()
        await page.clock.install()
        await page.clock.fast_forward("20:00")
        await expect(page.locator("#letters li")).to_have_count(0)
        assert "later" not in await page.locator("#letters").inner_html()
