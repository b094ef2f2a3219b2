"""The operators' page in a real browser: its charts say what is so, and only to who has the token."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from playwright.async_api import Locator, Page, expect

from messenger.entries import EntryId
from tests.browser import browser, watched_page
from tests.operating import OPERATOR, TOKEN, bury, sign_in, watch
from tests.past import fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until

SLOT_MS = 15_000
# Everywhere that a browser can keep something, but for what the page is made of.
KEPT = """async () => {
  const places = [document.cookie, JSON.stringify({ ...localStorage })];
  places.push(JSON.stringify(await indexedDB.databases()), JSON.stringify(history.state));
  for (const name of await caches.keys()) {
    const kept = await caches.open(name);
    for (const request of await kept.keys()) {
      places.push(request.url, await (await kept.match(request)).text());
    }
  }
  return places.join(" ");
}"""


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


def chart(page: Page, title: str) -> Locator:
    return page.locator("figure", has=page.get_by_role("heading", name=title))


async def said(page: Page, title: str, key: str) -> str:
    """What a chart says of the place where a key leads."""
    plot = chart(page, title).get_by_role("slider")
    await plot.focus()
    await page.keyboard.press(key)
    return await plot.get_attribute("aria-valuetext") or ""


def fill_slots(client: redis.Redis) -> list[int]:
    """Messages in three slots of the window, the youngest first; how many in each."""
    begin = now_ms(client) // SLOT_MS * SLOT_MS
    counts = [7, 2, 4]
    for place, count in reversed(list(enumerate(counts))):
        middle = begin - (10 * place + 4) * SLOT_MS + SLOT_MS // 2
        fill(client, [f"{middle}-{seq}" for seq in range(count)], ttl="900000")
    return counts


async def test_without_the_token_there_is_only_a_form(messenger: Messenger) -> None:
    """A wrong token is refused in words, and is not kept; none of the figures was told."""
    async with browser() as opened, watched_page(opened, allowing="status of 401") as page:
        await sign_in(page, messenger.url, "x" * 32)
        await expect(page.locator("#refused")).to_have_text("That is not the token.")
        await expect(page.locator("#board")).to_be_hidden()
        await expect(page.locator("figure")).to_have_count(0)
        assert await page.evaluate("sessionStorage.length") == 0
        await page.get_by_label("Token").fill("ключ от склада " * 3)
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator("#refused")).to_have_text("That is not the token.")
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator("#status")).to_have_text("Live")


async def test_the_token_stays_in_its_tab_and_nothing_is_kept(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A reload goes on; no cookie, no address and no cache has the token or a text, another tab asks
    for it anew, and signing out forgets all."""
    assert messenger.logs is not None
    await bury(private_store, messenger.logs.all[0], "a secret")
    async with browser() as opened, watched_page(opened) as page:
        await page.goto(messenger.url + "/r/lobby")
        await page.evaluate("navigator.serviceWorker.ready")
        await watch(page, messenger.url)
        await page.reload()
        await expect(page.locator("#status")).to_have_text("Live")
        await page.get_by_role("button", name=re.compile("^Show")).click()
        await expect(page.locator("#letters dl")).to_contain_text("a secret")
        await page.get_by_role("button", name="Play").click()
        await expect(page.locator("#rows li")).to_have_count(1)
        kept = await page.evaluate(KEPT)
        assert "offline" in kept
        for word in (TOKEN, "a secret", "/ops"):
            assert word not in kept
        assert page.url == messenger.url + "/ops"
        assert await page.evaluate("JSON.stringify({...sessionStorage})") == (
            f'{{"ops-token":"{TOKEN}"}}'
        )
        async with watched_page(page.context) as another:
            await another.goto(messenger.url + "/ops")
            await expect(another.get_by_label("Token")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        assert await page.evaluate("sessionStorage.length") == 0
        assert "a secret" not in await page.content()
        await expect(page.get_by_label("Token")).to_be_focused()


async def test_the_window_is_drawn_by_age(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """A bar for each slot with living messages, as high as they are many and where their time is; read
    by pointer and by keys; what is erased leaves its bar."""
    with private_store.client() as client:
        counts = fill_slots(client)
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        window = chart(page, "Messages in the window")
        await expect(window.locator(".value")).to_have_text("13 live")
        bars = window.locator("rect")
        assert [await each.get_attribute("data-count") for each in await bars.all()] == [
            "4",
            "2",
            "7",
        ]
        boxes = [await each.bounding_box() for each in await bars.all()]
        heights = [round(box["height"]) for box in boxes if box]
        assert heights[2] / heights[0] == pytest.approx(7 / 4, rel=0.1)
        assert heights[0] / heights[1] == pytest.approx(2, rel=0.1)
        field = await window.get_by_role("slider").bounding_box()
        assert field is not None
        ages = [1 - (box["x"] - field["x"]) / field["width"] for box in boxes if box]
        assert ages == pytest.approx([24 / 60, 14 / 60, 4 / 60], abs=1.2 / 60)
        box = boxes[2]
        assert box is not None
        await page.mouse.move(box["x"] + box["width"] / 2, field["y"] + field["height"] / 2)
        await expect(window.locator(".tip")).to_contain_text(f"{counts[0]} messages live")
        await page.mouse.move(0, 0)
        await expect(window.locator(".tip")).to_be_hidden()
        assert "0 messages live" in await said(page, "Messages in the window", "End")
        assert messenger.logs is not None
        with private_store.client() as client:
            ((oldest, _),) = client.xrange(KEYS.log, count=1)
        await messenger.logs.all[0].erase("lobby", EntryId.read(oldest), "operator")
        await expect(window.locator(".value")).to_have_text("12 live")
        await expect(bars.first).to_have_attribute("data-count", "3")


async def test_posts_and_deliveries_are_drawn_by_the_second(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """Also of before the page was opened; each second's value is told, and the highest on the axis."""
    with private_store.client() as client:
        second = now_ms(client) // 1_000 - 100
        fill(client, [f"{second}{ms:03}-0" for ms in range(12)])
    async with (
        browser() as opened,
        watched_page(opened) as page,
        messenger.stream(),
        messenger.stream(),
    ):
        await watch(page, messenger.url)
        posts = chart(page, "Posts")
        await expect(posts.locator(".top")).to_have_text("15 a second")
        plot = posts.get_by_role("slider")
        await plot.focus()

        async def is_found() -> bool:
            """Looks from the second on to the left: the chart moves on meanwhile."""
            await page.keyboard.press("End")
            for _ in range(9):
                await page.keyboard.press("PageDown")
            for _ in range(30):
                await page.keyboard.press("ArrowLeft")
                if "12 a second" in (await plot.get_attribute("aria-valuetext") or ""):
                    return True
            return False

        assert await is_found()
        await expect(posts.locator(".tip")).to_contain_text("12 a second")
        path = await posts.locator("path.line").get_attribute("d") or ""
        heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]
        assert min(heights) == pytest.approx(100 - 98 * 12 / 15, abs=0.1)
        assert len(heights) >= 300
        for number in range(3):
            await messenger.post(str(number))
        deliveries = chart(page, "Deliveries").locator(".unseen")
        await expect(deliveries).to_have_text(re.compile(r"highest [2-6] a second"))
        await expect(chart(page, "Subscribers").locator(".value")).to_have_text("2 readers")


async def test_a_projector_that_stands_still_is_seen(
    private_store: PrivateStore, run_messenger: Callable[..., Any]
) -> None:
    """Its lag in seconds and entries, red and in words once it is an alert; a group's too, and in the
    table."""
    messenger = await run_messenger(admin_token=TOKEN, with_worker=False)
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "mailer", "0")
        fill(client, [f"{now_ms(client) - 62_000}-{seq}" for seq in range(3)])
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        lag = chart(page, "Projector lag")
        await expect(lag.locator(".value")).to_have_text(re.compile(r"^6\d s$"))
        await expect(lag.locator(".note.bad")).to_contain_text("does a worker run?")
        await expect(lag.locator(".limit")).to_have_attribute("visibility", "visible")
        await expect(chart(page, "Consumer groups' lag").locator(".value")).to_have_text(
            re.compile(r"^6\d s$")
        )
        row = page.get_by_role("row", name="mailer")
        assert (await row.locator("td").all_inner_texts())[:2] == ["0", "3"]
        await expect(chart(page, "Erasure delay").locator(".note")).to_contain_text("does a worker")


async def test_a_store_that_is_away_is_said(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Any]
) -> None:
    """The page says so, and goes on by itself when it is back."""
    private = own_store()
    messenger = await run_messenger(on=private, admin_token=TOKEN)
    async with browser() as opened, watched_page(opened, allowing="status of 503") as page:
        await watch(page, messenger.url)
        private.kill()
        await expect(page.locator("#status")).to_have_text(re.compile("store d"), timeout=10_000)
        note = chart(page, "Store memory").locator(".note")
        await expect(note).to_have_text("The store does not answer.")
        private.start()
        await expect(page.locator("#status")).to_have_text("Live", timeout=15_000)


async def test_a_token_that_is_not_taken_any_more_ends_it(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on the screen is gone, and the form is back."""
    async with browser() as opened, watched_page(opened, allowing="status of 401") as page:
        await watch(page, messenger.url)
        await page.evaluate("sessionStorage.setItem('ops-token', 'y'.repeat(32))")
        await expect(page.locator("#refused")).to_have_text("That is not the token.")
        await expect(page.locator("figure")).to_have_count(0)
        await expect(page.locator("#groups tr")).to_have_count(0)


async def test_the_figures_are_the_api_s(private_store: PrivateStore, messenger: Messenger) -> None:
    """The store's memory as it tells it, in words; no limit is no limit."""
    async with browser() as opened, watched_page(opened) as page:
        await watch(page, messenger.url)
        value = chart(page, "Store memory").locator(".value")

        async def is_told() -> bool:
            async with messenger.session.get(
                messenger.url + "/api/ops/figures", headers=OPERATOR
            ) as response:
                memory = (await response.json())["store"]["used_memory"]
            return (await value.inner_text()) == f"{memory / 2**20:.1f} MB"

        await wait_until(is_told, "the page shows what the API tells")
        await expect(chart(page, "Store memory").locator(".note")).to_have_text("no limit is set")
