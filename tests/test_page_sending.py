"""Sending from the page: nothing is lost, nothing is in the room twice, and a person is told why."""

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import Route, expect

from tests.between import (
    FAILED,
    MESSAGES,
    Posts,
    is_lost,
    is_refused,
    loses_the_answer,
    nothing_waits,
    passes,
)
from tests.browser import browser, enter, say, shown, watched_page
from tests.serving import Messenger
from tests.waiting import wait_until

SECOND = 1_000


async def test_a_text_is_shown_at_once_and_then_sent(messenger: Messenger) -> None:
    """While the post is on its way its text is on the screen as not sent yet; after it, it is one of
    the messages, once."""
    may_go, posts = asyncio.Event(), Posts()

    async def waits(route: Route) -> None:
        await may_go.wait()
        await route.continue_()

    async with browser() as opened, watched_page(opened) as page:
        await posts.watch(page, waits)
        await enter(page, messenger.url)
        await say(page, "on its way")
        await expect(page.locator("#pending .text")).to_have_text("on its way")
        await expect(page.locator("#pending .state")).to_have_text("sending …")
        await expect(page.get_by_label("Message", exact=True)).to_have_value("")
        assert await shown(page) == []
        may_go.set()
        await expect(page.locator("#messages .text")).to_have_text("on its way")
        await expect(page.locator("#pending li")).to_have_count(0)
        await expect(page.locator("#messages .own")).to_have_count(1)
        assert await nothing_waits(page)


async def test_texts_are_sent_in_order(messenger: Messenger) -> None:
    """What is written while another post is on its way follows it, one at a time."""
    may_go, posts = asyncio.Event(), Posts()

    async def waits(route: Route) -> None:
        await may_go.wait()
        await route.continue_()

    async with browser() as opened, watched_page(opened) as page:
        await posts.watch(page, waits)
        await enter(page, messenger.url)
        for text in ("one", "two", "three"):
            await say(page, text)
        await expect(page.locator("#pending .text")).to_have_text(["one", "two", "three"])
        assert len(posts.keys) == 1
        may_go.set()
        await expect(page.locator("#messages .text")).to_have_text(["one", "two", "three"])
    assert len(set(posts.keys)) == 3
    assert await messenger.texts() == ["one", "two", "three"]


async def test_a_refused_text_stays_with_the_reason(messenger: Messenger) -> None:
    """What the server refuses stays on the screen with its words, and can be edited or discarded."""
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await enter(page, messenger.url)
        await say(page, "turned \u202eround")
        state = page.locator("#pending .failed .state")
        await expect(state).to_contain_text("Not sent: the text may not hold U+202E")
        await page.get_by_role("button", name="Edit").click()
        await expect(page.locator("#pending li")).to_have_count(0)
        field = page.get_by_label("Message", exact=True)
        await expect(field).to_have_value("turned \u202eround")
        await expect(field).to_be_focused()
        await say(page, "turned round")
        await expect(page.locator("#messages .text")).to_have_text("turned round")
        await say(page, "\u202e")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("#pending li")).to_have_count(0)
        assert await nothing_waits(page)
    assert await messenger.texts() == ["turned round"]


async def test_a_refused_text_can_be_tried_again(messenger: Messenger) -> None:
    """Tried again it is the same post, with the same key; others are not held up by it."""
    posts = Posts()
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await posts.watch(page, is_refused, passes)
        await enter(page, messenger.url)
        await say(page, "first")
        await expect(page.locator("#pending .state")).to_contain_text("not to our taste")
        await say(page, "second")
        await expect(page.locator("#messages .text")).to_have_text("second")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("#messages .text")).to_have_text(["second", "first"])
        await expect(page.locator("#pending li")).to_have_count(0)
    first, _, again = posts.keys
    assert first == again


async def test_a_post_whose_answer_was_lost_is_in_the_room_once(messenger: Messenger) -> None:
    """The server has it and the page does not know: it asks again with the same key, and nobody
    sees it twice."""
    posts = Posts()
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await posts.watch(page, loses_the_answer, loses_the_answer, passes)
        await enter(page, messenger.url)
        await say(page, "once")
        await wait_until(lambda: nothing_waits(page), "it was let through")
        await expect(page.locator("#messages .text")).to_have_text("once")
        await expect(page.locator("#messages .own")).to_have_count(1)
        await expect(page.locator("#pending li")).to_have_count(0)
    assert len(posts.keys) == 3
    assert len(set(posts.keys)) == 1
    assert await messenger.texts() == ["once"]


async def test_a_reload_keeps_what_was_written(messenger: Messenger) -> None:
    """Draft, unsent texts and the life chosen outlive a reload, and the unsent keep their key."""
    posts = Posts()
    async with browser() as opened, watched_page(opened, allowing=FAILED) as page:
        await posts.watch(page, is_lost)
        await enter(page, messenger.url)
        await say(page, "unsent", life="5m")
        await page.get_by_label("Message", exact=True).fill("half a thou")
        await expect(page.locator("#pending .state")).to_contain_text("tried again soon")
        await page.reload()
        await expect(page.get_by_label("Message", exact=True)).to_have_value("half a thou")
        await expect(page.get_by_label("Gone after")).to_have_value("5m")
        await expect(page.locator("#pending .text")).to_have_text("unsent")
        await page.unroute(MESSAGES)
        await posts.watch(page, passes)
        await expect(page.locator("#messages .text")).to_have_text("unsent")
    assert len(set(posts.keys)) == 1
    (message,) = (await messenger.page())["messages"]
    assert message["expires_at"] - message["created_at"] == 300_000


async def test_the_rate_is_shown_before_it_bites(run_messenger: Callable[..., Messenger]) -> None:
    """When few posts are left at once, their number is shown."""
    messenger = await run_messenger(post_rate="5/10m")
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        for number, words in enumerate(
            ["", "3 more posts now", "2 more posts now", "1 more post now"]
        ):
            await say(page, f"number {number}")
            await expect(page.locator("#messages li")).to_have_count(number + 1)
            await expect(page.locator("#limits")).to_have_text(words)


async def test_the_length_is_shown_before_it_bites(messenger: Messenger) -> None:
    """The length counts as the server counts, in code points; too long is said and not sent, and the
    longest that may be is sent."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        field, limits = page.get_by_label("Message", exact=True), page.locator("#limits")
        await field.fill("a" * 1_599)
        await expect(limits).to_have_text("")
        await field.fill("a" * 1_600)
        await expect(limits).to_have_text("1600 / 2000")
        await field.fill("👩" * 2_001)
        await expect(limits).to_have_text("2001 / 2000")
        await expect(limits).to_have_class(re.compile("bad"))
        await field.press("Enter")
        await expect(page.locator("#pending li")).to_have_count(0)
        await expect(field).to_have_value("👩" * 2_001)
        await field.fill("👩" * 2_000)
        await expect(limits).not_to_have_class(re.compile("bad"))
        await field.press("Enter")
        await expect(page.locator("#messages .text")).to_have_text("👩" * 2_000)


async def test_enter_sends_and_shift_enter_breaks_the_line(messenger: Messenger) -> None:
    """Enter sends, Shift+Enter is a new line, and the Enter that ends a composition is the input
    method's."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        field = page.get_by_label("Message", exact=True)
        await field.press_sequentially("one")
        await field.press("Shift+Enter")
        await field.press_sequentially("two")
        await field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        await expect(field).to_have_value("one\ntwo")
        await field.press("Enter")
        await expect(field).to_have_value("")
        await expect(page.locator("#messages .text")).to_have_text("one\ntwo")
        await field.press("Enter")
        await expect(page.locator("#pending li")).to_have_count(0)
    assert await messenger.texts() == ["one\ntwo"]


async def test_an_own_message_can_be_erased_from_every_screen(messenger: Messenger) -> None:
    """Who posted it can erase it, also after a reload; others are not offered to."""
    async with browser() as opened, watched_page(opened) as ann, watched_page(opened) as bob:
        for page in (ann, bob):
            await enter(page, messenger.url)
        await say(ann, "oops")
        await expect(bob.locator("#messages .text")).to_have_text("oops")
        await expect(bob.get_by_role("button", name="Erase")).to_have_count(0)
        await ann.reload()
        await ann.get_by_role("button", name="Erase").click()
        for page in (ann, bob):
            await expect(page.locator("#messages li")).to_have_count(0)
    assert await messenger.texts() == []
