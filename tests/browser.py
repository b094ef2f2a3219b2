"""Debian's Chromium, driven by Playwright."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.installed import installed

# Without these it looks for its maker's servers at every start.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Stands for a browser that shows another tab: headless, no page is ever hidden.
HIDEABLE = """
Object.defineProperty(document, "hidden", { get: () => Boolean(window.isHidden) });
window.hide = (hidden) => {
  window.isHidden = hidden;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
_TELL_OF_POLICY = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`the policy forbids ${event.violatedDirective}: ${event.blockedURI}`));
"""


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=installed("chromium", "chromium-browser"),
            headless=True,
            args=list(_QUIET),
        )
        yield launched
        await launched.close()


@contextlib.asynccontextmanager
async def watched_page(
    opened: Browser | BrowserContext, allowing: str = "", **options: Any
) -> AsyncIterator[Page]:
    """A page, in a profile of its own or in a given one. What it complains of, what its policy
    forbids, and what it asks of other hosts, fails the test; but for complaints with the words that
    are allowed: a browser itself tells of each answer that is an error."""
    context = await opened.new_context(**options) if isinstance(opened, Browser) else opened
    page = await context.new_page()
    complaints: list[str] = []
    await page.add_init_script(_TELL_OF_POLICY)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if "//127.0.0.1:" in asked.url else complaints.append(f"asked for {asked.url}")
        ),
    )
    yield page
    await (page if context is opened else context).close()
    assert [said for said in complaints if not (allowing and allowing in said)] == []


async def enter(page: Page, address: str, room: str = "lobby") -> None:
    """Opens a room, and waits until it is live."""
    await page.goto(f"{address}/r/{room}")
    await expect(page.locator("#status")).to_have_text("Live")


async def shown(page: Page) -> list[str]:
    return await page.locator("#messages .text").all_inner_texts()


async def say(page: Page, text: str, life: str | None = None) -> None:
    """Writes a text and sends it."""
    if life is not None:
        await page.get_by_label("Gone after").select_option(life)
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()
