"""How the operators' page looks and is reached: on a phone and wide, light and dark, by keyboard."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser import browser, watched_page
from tests.operating import TOKEN, bury, sign_in, watch
from tests.past import fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger
from tests.test_page_looks import HEIGHT, complaints

WIDTHS = [360, 1_280, 2_000]
# What sticks out to the side of its place; a table may be scrolled.
STICKS_OUT = """() => {
  const wide = (element) => element.scrollWidth - element.clientWidth;
  return [document.documentElement, ...document.querySelectorAll("section, figure, li, .ends, form")]
    .filter((element) => element.clientWidth && wide(element) > 0)
    .map((element) => `${element.tagName}.${element.id}.${element.className}: ${wide(element)}`);
}"""
LONG = "w" * 300 + " &lt;b&gt; שלום " + "👩‍👩‍👧‍👦" * 30


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


async def make_busy(store: PrivateStore, messenger: Messenger) -> None:
    """Messages, groups that are behind, dead letters of long words."""
    assert messenger.logs is not None
    with store.client() as client:
        fill(client, [f"{now_ms(client) - 1_000 * age}-0" for age in (600, 60, 20)], room="w" * 64)
        client.xgroup_create(KEYS.log, "g" * 60, "0")
    await bury(store, messenger.logs.all[0], "one", LONG, group="m" * 60)


async def open_all(page: Page) -> None:
    """A letter that is open, a replay that was played."""
    await page.locator("#letters [aria-expanded]").last.click()
    await expect(page.locator("#letters dl")).to_have_count(1)
    await page.get_by_label("Speed").select_option("max")
    await page.get_by_role("button", name="Play").click()
    await expect(page.locator("#played")).to_contain_text("That was all")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    private_store: PrivateStore, messenger: Messenger, width: int, scheme: Any
) -> None:
    """WCAG 2.2 AA as far as a machine can see it: the form, the page when it is busy, the question
    before a drop. Nothing sticks out."""
    await make_busy(private_store, messenger)
    options = {
        "viewport": {"width": width, "height": HEIGHT},
        "color_scheme": scheme,
        # Else the bars of the window never stand still.
        "reduced_motion": "reduce",
    }
    async with (
        browser() as opened,
        watched_page(opened, allowing="status of 401", **options) as page,
    ):
        await sign_in(page, messenger.url, "wrong")
        await expect(page.locator("#refused")).not_to_have_text("")
        assert await complaints(page) == []
        await watch(page, messenger.url)
        await open_all(page)
        await page.get_by_role("slider", name="Posts").focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator(".tip:visible")).to_have_count(1)
        assert await complaints(page) == []
        assert await page.evaluate(STICKS_OUT) == []
        await page.locator("#letters .danger").last.click()
        assert await complaints(page) == []


async def test_the_keyboard_alone_is_enough(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """Tab reaches all there is, in the order of the page, each with a mark round it."""
    assert messenger.logs is not None
    await bury(private_store, messenger.logs.all[0], "one")
    async with browser() as opened, watched_page(opened) as page:
        await page.goto(messenger.url + "/ops")
        await page.keyboard.press("Tab")
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.locator("#letters li")).to_have_count(1)
        await page.locator("#leave").focus()
        stops = [await _next_stop(page) for _ in range(21)]
        assert stops == [
            "Messages in the window", "Posts", "Deliveries", "Subscribers", "Projector lag",
            "Consumer groups' lag", "Erasure delay", "Store memory",
            "The groups and their figures", "Requeue all of mailer", "Drop all of mailer",
            "Show", "Requeue", "Drop", "From", "To", "replay-room", "speed", "play", "", "leave",
        ]  # fmt: skip


async def test_motion_is_only_for_those_who_want_it(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """Asked for less motion, the window moves only when it is drawn anew, and rows do not move in."""
    await messenger.post("one")
    for motion, moving in (("no-preference", True), ("reduce", False)):
        options: Any = {"reduced_motion": motion}
        async with browser() as opened, watched_page(opened, **options) as page:
            await watch(page, messenger.url)
            await expect(page.locator(".bars rect")).to_have_count(1)
            await page.get_by_role("button", name="Play").click()
            row = page.locator("#rows li")
            await expect(row).to_have_css("animation-name", "come" if moving else "none")
            running = "document.querySelector('.bars').getAnimations().length > 0"
            assert await page.evaluate(running) == moving


async def _next_stop(page: Page) -> str:
    """Where the next Tab leads; it must be to be seen."""
    await page.keyboard.press("Tab")
    stop: dict[str, str] = await page.evaluate("""() => {
      const active = document.activeElement;
      const titled = document.getElementById(active.getAttribute("aria-labelledby"));
      const label = titled?.textContent ?? active.getAttribute("aria-label")?.split(" of mailer, ")[0];
      const { outlineStyle } = getComputedStyle(active);
      const name = active === document.body ? "" : label || active.id || active.textContent;
      return { name, outline: active === document.body ? "-" : outlineStyle };
    }""")
    assert stop["outline"] != "none", stop
    return stop["name"]
