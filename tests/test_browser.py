"""The page in a real browser."""

import re
from collections.abc import Callable

from playwright.async_api import Page, expect

from messenger.settings import Settings
from tests.browser import browser, say, shown, watched_page
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until

SECOND = 1_000


async def test_two_people_see_the_same_come_and_go(
    run_messenger: Callable[..., Messenger],
) -> None:
    """One posts, the other sees it within a second; a reload shows the same; both see it leave on
    time."""
    messenger = await run_messenger(window="5s")
    address = messenger.url + "/r/lobby"
    async with browser() as opened, watched_page(opened) as ann, watched_page(opened) as bob:
        for page in (ann, bob):
            await page.goto(address)
            await expect(page.locator("#status")).to_have_text("Live")
        await say(ann, "hello <b>Bob</b>")
        await expect(bob.locator("#messages .text")).to_have_text(
            "hello <b>Bob</b>", timeout=SECOND
        )
        await expect(ann.locator("#messages .text")).to_have_text("hello <b>Bob</b>")
        await expect(ann.get_by_label("Message", exact=True)).to_have_value("")
        (message,) = (await messenger.page())["messages"]
        await bob.reload()
        assert await shown(bob) == ["hello <b>Bob</b>"]
        for page in (ann, bob):
            await expect(page.locator("#messages li")).to_have_count(0, timeout=15 * SECOND)
        feed_now = (await messenger.page())["now"]
        assert message["expires_at"] <= feed_now <= message["expires_at"] + 1_000
        await bob.reload()
        assert await shown(bob) == []


async def test_a_message_leaves_on_time_without_javascript(
    run_messenger: Callable[..., Messenger],
) -> None:
    """With scripts off one reads, posts, and sees messages leave."""
    messenger = await run_messenger(window="5s")
    async with browser() as opened, watched_page(opened, java_script_enabled=False) as page:
        await page.goto(messenger.url + "/")
        await say(page, "no script\nat all")
        assert page.url == messenger.url + "/r/lobby"
        assert await shown(page) == ["no script\nat all"]
        (message,) = (await messenger.page())["messages"]
        await wait_until(lambda: _is_off_screen(page), "it is off the screen", seconds=15)
        late = (await messenger.page())["now"] - message["expires_at"]
        assert 0 <= late <= 1_000


async def test_a_stream_that_breaks_misses_nothing(
    run_messenger: Callable[..., Messenger],
) -> None:
    """The connection goes while others post: the page comes back by itself, with all of it, once."""
    messenger = await run_messenger()
    async with browser() as opened:
        context = await opened.new_context()
        page = await context.new_page()
        await page.goto(messenger.url + "/r/lobby")
        await expect(page.locator("#status")).to_have_text("Live")
        await messenger.post("before")
        await context.set_offline(True)
        await messenger.post("meanwhile")
        await context.set_offline(False)
        await messenger.post("after")
        await wait_until(lambda: _all(page, ["before", "meanwhile", "after"]), "all is shown")
        await context.close()


async def test_after_a_reset_nothing_living_leaves_the_screen(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """The store was emptied under the page: it begins anew, and a later restart takes nothing away."""
    async with browser() as opened:
        page = await opened.new_page()
        async with serving(private_store.url, settings()) as messenger:
            await page.goto(messenger.url + "/r/lobby")
            await expect(page.locator("#status")).to_have_text("Live")
            await messenger.post("before")
            await expect(page.locator("#messages li")).to_have_count(1)
            with private_store.client() as client:
                client.flushall()
            await expect(page.locator("#messages li")).to_have_count(0)
            await messenger.post("after")
            await expect(page.locator("#messages .text")).to_have_text("after")
            port = messenger.url.rpartition(":")[2]
        await expect(page.locator("#status")).to_have_text("Reconnecting …")
        async with serving(private_store.url, settings(port=port)):
            await expect(page.locator("#status")).to_have_text("Live", timeout=15 * SECOND)
            assert await shown(page) == ["after"]


async def test_a_post_too_fast_is_sent_when_it_may_be(
    run_messenger: Callable[..., Messenger],
) -> None:
    """Posting too fast: the text is on the screen as not sent yet, with the reason and the seconds
    to wait, and goes by itself when they are over."""
    messenger = await run_messenger(post_rate="1/3s")
    async with (
        browser() as opened,
        watched_page(opened, allowing="status of 429") as page,
    ):
        await page.goto(messenger.url + "/r/lobby")
        await say(page, "first")
        await expect(page.locator("#messages .text")).to_have_text("first")
        await say(page, "second")
        await expect(page.locator("#pending .text")).to_have_text("second")
        await expect(page.locator("#pending .state")).to_contain_text("too many posts")
        await expect(page.locator("#pending .state")).to_contain_text(re.compile(r"sent in \d s"))
        await expect(page.locator("#limits")).to_contain_text(re.compile(r"next in \d s"))
        await wait_until(lambda: _all(page, ["first", "second"]), "both are sent")
        await expect(page.locator("#pending li")).to_have_count(0)
        await expect(page.locator("#limits")).not_to_contain_text("next in")
    assert await messenger.texts() == ["first", "second"]


async def test_an_erased_message_leaves_every_screen(
    run_messenger: Callable[..., Messenger],
) -> None:
    """Erased, it is gone from a page that showed it, without a reload."""
    messenger = await run_messenger()
    async with browser() as opened, watched_page(opened) as page:
        await page.goto(messenger.url + "/r/lobby")
        await expect(page.locator("#status")).to_have_text("Live")
        posted = await messenger.post("oops")
        await expect(page.locator("#messages .text")).to_have_text("oops")
        await messenger.session.delete(
            f"{messenger.url}/api/rooms/lobby/messages/{posted['id']}",
            headers={"Authorization": f"Bearer {posted['erase_token']}"},
        )
        await expect(page.locator("#messages li")).to_have_count(0)


async def _all(page: Page, texts: list[str]) -> bool:
    return await shown(page) == texts


async def _is_off_screen(page: Page) -> bool:
    """A page without scripts has no frames unless somebody looks at it."""
    await page.screenshot()
    return await page.locator("#messages li").is_hidden()
