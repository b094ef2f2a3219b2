"""The replay on the operators' page: what lives between two moments, and not longer than it lives."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from messenger.entries import EntryId
from tests.browser import browser, watched_page
from tests.operating import TOKEN, watch
from tests.past import begin_earlier, fill
from tests.private_store import PrivateStore
from tests.raw import add_posted, now_ms
from tests.serving import Messenger
from tests.test_replay_http import running
from tests.waiting import wait_until

A_MINUTE = 60_000


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


async def set_end(page: Page, name: str, minutes_ago: float) -> None:
    """Moves an end of the slider, which has 900 steps for the 15 minutes."""
    end = page.get_by_role("slider", name=name, exact=True)
    await end.fill(str(int(900 - 60 * minutes_ago)))


async def play(page: Page, speed: str) -> None:
    await page.get_by_label("Speed").select_option(speed)
    await page.get_by_role("button", name="Play").click()


async def texts(page: Page) -> list[str]:
    return await page.locator("#rows .text").all_inner_texts()


async def test_it_plays_what_lives_between_its_ends(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """All of it, a part of it, one room of it; the latest first, and how it ended."""
    with private_store.client() as client:
        now = now_ms(client)
        for minutes, room in ((12, "lobby"), (8, "garden"), (4, "lobby")):
            add_posted(client, f"{now - minutes * A_MINUTE}-0", f"{minutes} ago", room)
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await play(page, "max")
        await expect(page.locator("#played")).to_have_text("That was all. 3 events.")
        assert await texts(page) == ["4 ago", "8 ago", "12 ago"]
        await set_end(page, "From", 10)
        await set_end(page, "To", 6)
        await play(page, "max")
        await expect(page.locator("#played")).to_have_text("That was all. 1 event.")
        assert await texts(page) == ["8 ago"]
        await set_end(page, "From", 15)
        await set_end(page, "To", 0)
        await page.get_by_label("Room").fill("lobby")
        await play(page, "max")
        await expect(page.locator("#played")).to_have_text("That was all. 2 events.")
        assert await texts(page) == ["4 ago", "12 ago"]


async def test_the_ends_do_not_pass_each_other(messenger: Messenger) -> None:
    """By keys too: there is always something between them."""
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await set_end(page, "To", 10)
        await set_end(page, "From", 5)
        values = [
            int(await page.get_by_role("slider", name=name, exact=True).input_value())
            for name in ("From", "To")
        ]
        assert values == [299, 300]
        await page.get_by_role("slider", name="To", exact=True).press("Home")
        values = [
            int(await page.get_by_role("slider", name=name, exact=True).input_value())
            for name in ("From", "To")
        ]
        assert values == [299, 300]


async def test_rows_come_at_their_pace_and_it_stops(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """At 1x a second is a second; Stop ends it, and what came stays as long as it lives."""
    with private_store.client() as client:
        begin = now_ms(client) - 5 * A_MINUTE
        fill(client, [f"{begin}-0", f"{begin + 1_500}-0", f"{begin + 60_000}-0"], ttl="900000")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await play(page, "1x")
        rows = page.locator("#rows li")
        await expect(rows).to_have_count(1)
        await expect(page.locator(".track b")).to_be_visible()
        await expect(rows).to_have_count(2)
        await page.get_by_role("button", name="Stop").click()
        await expect(page.locator("#played")).to_have_text("Stopped after 2 events.")
        await expect(page.get_by_role("button", name="Play")).to_be_visible()
        await expect(rows).to_have_count(2)
        await expect(page.locator(".track b")).to_be_hidden()
        with private_store.client() as client:
            await wait_until(lambda: not running(client), "the server reads no more of it")


async def test_what_expires_meanwhile_leaves(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A row goes when its time is over, and at once when its message is erased."""
    erased = await messenger.post("erased")
    await messenger.post("short", ttl=4_000)
    await messenger.post("long")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await play(page, "max")
        await expect(page.locator("#rows li")).to_have_count(3)
        assert messenger.logs is not None
        await messenger.logs.all[0].erase("lobby", EntryId.parse(erased["id"]), "operator")
        await expect(page.locator("#rows .text", has_text="erased")).to_have_count(0)
        await expect(page.locator("#rows li")).to_have_count(1, timeout=8_000)
        assert await texts(page) == ["long"]


async def test_an_erased_message_takes_no_other_along(
    private_store: PrivateStore, run_messenger: Callable[..., Any]
) -> None:
    """In two partitions an id may be of two messages: only the one that was erased leaves."""
    messenger: Messenger = await run_messenger(admin_token=TOKEN, partitions="2")
    assert messenger.logs is not None
    rooms = {messenger.logs.of(f"r{number}").keys.partition: f"r{number}" for number in range(9)}
    with private_store.client() as client:
        entry = f"{now_ms(client) - 1_000}-7"
        for log in messenger.logs.all:
            room = rooms[log.keys.partition]
            fields = {"type": "message.posted", "room": room, "author": "a", "text": room}
            client.xadd(log.keys.log, {**fields, "ttl": "900000"}, id=entry)
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await play(page, "max")
        await expect(page.locator("#rows li")).to_have_count(2)
        await messenger.logs.all[1].erase(rooms[1], EntryId.parse(entry), "operator")
        await expect(page.locator("#rows .text")).to_have_text([rooms[0]])


async def test_a_long_past_leaves_the_page_small(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """All are counted, the last two hundred are shown."""
    with private_store.client() as client:
        begin_earlier(client)
        begin = now_ms(client) - A_MINUTE
        fill(client, [f"{begin}-{seq}" for seq in range(5_000)], ttl="900000")
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        await play(page, "max")
        await expect(page.locator("#played")).to_have_text("That was all. 5,000 events.")
        await expect(page.locator("#rows li")).to_have_count(200)
        assert (await texts(page))[0] == f"{begin}-4999"


async def test_what_is_wrong_is_said(messenger: Messenger) -> None:
    """A room that can't be one, and a process that ends in the middle."""
    async with browser() as opened, watched_page(opened, allowing="status of 400") as page:
        await watch(page, messenger.url)
        await page.get_by_label("Room").fill("a/b")
        await play(page, "max")
        await expect(page.locator("#played.bad")).to_contain_text("room:")
        await expect(page.get_by_role("button", name="Play")).to_be_visible()


async def test_a_process_that_ends_says_so(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A replay that is cut short is not taken for whole."""
    with private_store.client() as client:
        begin = now_ms(client) - 5 * A_MINUTE
        fill(client, [f"{begin}-0", f"{begin + 60_000}-0"], ttl="900000")
    allowing = "net::ERR_"
    async with browser() as opened, watched_page(opened, allowing=allowing) as page:
        await watch(page, messenger.url)
        await play(page, "1x")
        await expect(page.locator("#rows li")).to_have_count(1)
        messenger.stop()
        await expect(page.locator("#played.bad")).to_contain_text("about to restart")
        await expect(page.locator("#status.away")).to_have_text("The server does not answer")
