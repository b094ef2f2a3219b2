"""How the page looks and is reached: on a phone and wide, light and dark, by keyboard, by those who
hear it, and with any text."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser import browser, enter, say, watched_page
from tests.filling import fill
from tests.serving import Messenger
from tests.waiting import wait_until

WIDTHS = [360, 1_280]
HEIGHT = 760
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}
TEXTS = [
    "<script>alert('<b>')</script> <!-- {{ 7 * 7 }} &amp; --> </p></li></ol>",
    "שלום עולם (abc) 123 — מה שלומך?",
    "مرحبا بالعالم، English inside، ١٢٣",
    "\u2067isolated שלום\u2069 and on",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👋🏽 🇫🇷 ❤️‍🔥" * 20,
    "Z̸̡̛͓a̴̧̛͓l̷̡̛͓g̶̡̛͓ơ̸̡͓ " * 20,
    "क्षत्रिय ไทยไม่มีช่องว่าง 漢字仮名交じり文 " * 5,
    "w" * 2_000,
    "https://example.org/" + "a" * 1_900,
    "one\n\n  two\tthree\n" + "\n" * 20 + "end",
    "﷽" * 40,
    "\\u202e %s ${x} javascript:alert(1)",
]
STILL = 'document.getAnimations().every((each) => each.playState !== "running")'
# What sticks out to the side of its place: element, how far.
STICKS_OUT = """() => {
  const wide = (element) => element.scrollWidth - element.clientWidth;
  const found = [document.documentElement, document.querySelector("#pane"),
    ...document.querySelectorAll("#messages .text, #messages .about, header, #room-list a")]
    .filter((element) => element.clientWidth && wide(element) > 0)
    .map((element) => `${element.tagName}.${element.className}: ${wide(element)}`);
  for (const says of document.querySelectorAll(".says")) {
    const { left, right } = says.getBoundingClientRect();
    if (left < 0 || right > innerWidth) found.push(`bubble ${left} to ${right}`);
  }
  return found;
}"""


async def is_still(page: Page) -> None:
    """Waits until nothing moves. (The page's policy forbids Playwright's own way to wait.)"""
    await wait_until(lambda: page.evaluate(STILL), "nothing moves")


async def complaints(page: Page, within: str | None = None) -> list[str]:
    """What axe finds, once nothing moves; in the whole page, or in what is named."""
    await is_still(page)
    results: dict[str, Any] = (await Axe().run(page, context=within, options=AXE)).response
    return [
        f"{found['id']}: {node['html'][:120]} {node['any'][:1]}"
        for found in results["violations"]
        for node in found["nodes"]
    ]


async def make_busy(page: Page, messenger: Messenger) -> None:
    """Own and others' messages, one late, one in its last seconds, one refused, a notice, an unread
    room, links, people here."""
    await messenger.post("not read yet", room="garden")
    await fill(messenger, 3)
    await messenger.post("a link: https://example.org/", author="ann")
    await say(page, "an own message")
    await expect(page.locator("#messages .own")).to_have_count(1)
    await say(page, "\u202e")
    await expect(page.locator("#pending .failed")).to_have_count(1)
    await page.get_by_label("Message", exact=True).fill("a" * 2_001)
    await page.evaluate("""() => {
      const { dataset } = document.querySelector("#messages li");
      dataset.created = dataset.expires - 8 * 3_600_000;
      document.querySelector("#notice span").textContent = "A notice.";
      document.querySelector("#notice").hidden = false;
      for (const room of document.querySelectorAll("[data-room=garden]")) room.className = "unread";
    }""")
    await expect(page.locator("#messages li").first).to_have_class(re.compile("late"))
    await messenger.post("nearly gone", ttl=9_000)
    await expect(page.locator("#messages .last")).to_have_count(1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(messenger: Messenger, width: int, scheme: Any) -> None:
    """WCAG 2.2 AA as far as a machine can see it, empty and busy, and with the rooms open."""
    options = {"viewport": {"width": width, "height": HEIGHT}, "color_scheme": scheme}
    allowing = "status of 422"
    async with browser() as opened, watched_page(opened, allowing=allowing, **options) as page:
        await enter(page, messenger.url)
        assert await complaints(page) == []
        await make_busy(page, messenger)
        assert await complaints(page) == []
        if width == min(WIDTHS):
            await page.get_by_role("button", name="Rooms").click()
            assert await complaints(page) == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_any_text_stays_in_its_message(messenger: Messenger, width: int) -> None:
    """Whatever script or length: shown literally, nothing sticks out, rendered by the server or come
    live, in the longest room by the longest names."""
    room, viewport = "w" * 64, {"width": width, "height": HEIGHT}
    async with browser() as opened, watched_page(opened, viewport=viewport) as page:
        await enter(page, messenger.url, room)
        for text in TEXTS:
            await messenger.post(text, room=room, author="W" * 40)
        for look in ("live", "rendered"):
            await expect(page.locator("#messages li")).to_have_count(len(TEXTS))
            assert await page.locator("#messages .text").all_text_contents() == TEXTS, look
            await is_still(page)
            assert await page.evaluate(STICKS_OUT) == [], look
            await page.reload()


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "none"), ("no-preference", "come")])
async def test_motion_is_only_for_those_who_want_it(
    messenger: Messenger, motion: Any, animation: str
) -> None:
    """Asked for less motion, messages neither move in nor fade out."""
    async with browser() as opened, watched_page(opened, reduced_motion=motion) as page:
        await enter(page, messenger.url)
        await messenger.post("brief", ttl=2_400)
        entry = page.locator("#messages .leaving")
        await expect(entry).to_have_css("animation-name", animation)
        duration = await entry.evaluate("(element) => getComputedStyle(element).transitionDuration")
        assert duration == ("0s" if motion == "reduce" else "2.5s")
        if motion == "reduce":
            await expect(entry).to_have_css("opacity", "1")
        await expect(page.locator("#messages li")).to_have_count(0)


async def test_the_keyboard_alone_is_enough(messenger: Messenger) -> None:
    """Tab reaches all there is, in the order of the page, each with a mark round it; a message is
    written, sent and erased without a pointer."""
    async with browser() as opened, watched_page(opened) as page:
        await messenger.post("a link: https://example.org/")
        await enter(page, messenger.url)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Message", exact=True)).to_be_focused()
        await page.keyboard.type("oops")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Erase")).to_have_count(1)
        await enter(page, messenger.url)
        assert [await _next_stop(page) for _ in range(13)] == [
            "Write a message", "room", "Open", "lobby", "notify", "share", "pane",
            "https://example.org/", "Erase", "text", "Send", "author", "ttl",
        ]  # fmt: skip
        await page.get_by_role("button", name="Erase").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#messages .own")).to_have_count(0)
        assert await messenger.texts() == ["a link: https://example.org/"]


async def test_the_arrows_scroll_the_messages(messenger: Messenger) -> None:
    """With the messages focused, keys move through them."""
    await fill(messenger, 60)
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await page.locator("#pane").focus()
        await page.keyboard.press("Home")
        await expect(page.locator("#messages li").first).to_be_in_viewport()
        await page.keyboard.press("End")
        await expect(page.locator("#messages li").last).to_be_in_viewport()


async def test_those_who_hear_the_page_are_not_shouted_at(messenger: Messenger) -> None:
    """One message is told by its words, several at once by their number, and then it is taken back."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        said = page.locator("#said")
        await messenger.post("hello", author="ann")
        await expect(said).to_have_text("ann: hello")
        await fill(messenger, 5)
        await expect(said).to_have_text("5 new messages")
        await expect(said).to_have_text("", timeout=10_000)


async def _next_stop(page: Page) -> str:
    """Where the next Tab leads; it must be to be seen."""
    await page.keyboard.press("Tab")
    stop: dict[str, str] = await page.evaluate("""() => {
      const { id, dataset, textContent } = document.activeElement;
      const { outlineStyle } = getComputedStyle(document.activeElement);
      return { name: id || dataset.room || textContent, outline: outlineStyle };
    }""")
    assert stop["outline"] != "none", stop
    return stop["name"]


async def test_the_whole_page_is_small(messenger: Messenger) -> None:
    """The document and every file that it or its workers load are under 60 KB, not compressed."""
    loaded = {
        "/static/hub.js",
        "/static/offline.html",
        "/static/offline.js",
        "/manifest.webmanifest",
    }
    async with browser() as opened, watched_page(opened) as page:
        opened_paths: list[str] = []
        page.on("request", lambda asked: opened_paths.append(asked.url))
        await enter(page, messenger.url)
        await page.evaluate("navigator.serviceWorker.ready")
        await wait_until(lambda: any("/api/rooms" in path for path in opened_paths), "it is loaded")
    loaded |= {path.removeprefix(messenger.url) for path in opened_paths if "/api/" not in path}
    loaded |= {"/sw.js"}
    sizes: dict[str, int] = {}
    for path in loaded:
        async with messenger.session.get(messenger.url + path) as response:
            assert response.status == 200, path
            sizes[path] = len(await response.read())
    assert {"/r/lobby", "/static/page.css", "/static/page.js", "/static/outbox.js"} <= sizes.keys()
    assert sum(sizes.values()) < 60_000, sizes
