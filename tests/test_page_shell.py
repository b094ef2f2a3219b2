"""What makes the page an app: manifest, icons, the service worker; and what the browser keeps."""

import struct
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page, expect

from messenger.settings import Settings
from tests.browser import browser, enter, say, watched_page
from tests.private_store import PrivateStore
from tests.serving import Messenger, serving
from tests.waiting import wait_until

SHELL = {"/static/offline.html", "/static/offline.js", "/static/page.css", "/static/icon.svg"}
SECOND = 1_000

CACHED = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const kept = await caches.open(name);
    for (const request of await kept.keys()) {
      const text = await (await kept.match(request)).text();
      found.push([new URL(request.url).pathname, text]);
    }
  }
  return found;
}"""
# Everywhere that a page can keep something.
KEPT = """async () => {
  const places = [document.documentElement.outerHTML, document.title, JSON.stringify(history.state)];
  for (const field of document.querySelectorAll("input, textarea")) places.push(field.value);
  for (const area of [localStorage, sessionStorage]) places.push(JSON.stringify({ ...area }));
  places.push(JSON.stringify(await indexedDB.databases()), document.cookie);
  const registration = await navigator.serviceWorker.ready;
  for (const { title, body } of await registration.getNotifications()) places.push(title + body);
  return places.join(" ");
}"""


async def cached(page: Page) -> list[tuple[str, str]]:
    return [(path, text) for path, text in await page.evaluate(CACHED)]


async def is_controlled(page: Page) -> None:
    await page.evaluate("navigator.serviceWorker.ready")
    await wait_until(
        lambda: page.evaluate("Boolean(navigator.serviceWorker.controller)"), "it is in control"
    )


async def test_the_page_can_be_installed(messenger: Messenger) -> None:
    """The manifest names what a browser needs for that, and each icon is what it says it is."""
    async with messenger.session.get(messenger.url + "/manifest.webmanifest") as response:
        assert response.content_type == "application/manifest+json"
        manifest: dict[str, Any] = await response.json(content_type=None)
    assert manifest["name"]
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    assert manifest["display"] == "standalone"
    raster = {"any": set(), "maskable": set()}  # type: dict[str, set[str]]
    for icon in manifest["icons"]:
        async with messenger.session.get(messenger.url + icon["src"]) as response:
            assert response.status == 200, icon
            assert response.content_type == icon["type"]
            body = await response.read()
        if icon["type"] == "image/png":
            assert body[:8] == b"\x89PNG\r\n\x1a\n"
            width, height = struct.unpack(">II", body[16:24])
            assert icon["sizes"] == f"{width}x{height}"
            raster[icon.get("purpose", "any")].add(icon["sizes"])
    assert {"192x192", "512x512"} <= raster["any"]
    assert raster["maskable"]


async def test_a_browser_takes_the_manifest(messenger: Messenger) -> None:
    """Chromium reads it without a complaint, and finds the page fit to be installed."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await is_controlled(page)
        session = await page.context.new_cdp_session(page)
        found = await session.send("Page.getAppManifest")
        assert found["errors"] == []
        assert found["url"] == messenger.url + "/manifest.webmanifest"


async def test_only_the_shell_is_cached(messenger: Messenger) -> None:
    """However the page is used, the cache holds the few files of the offline page, and no message, no
    page of a room, no answer of the API."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await is_controlled(page)
        await say(page, "a secret")
        await expect(page.locator("#messages li")).to_have_count(1)
        await page.reload()
        await enter(page, messenger.url, "garden")
        await page.go_back()
        await expect(page.locator("#messages li")).to_have_count(1)
        kept = await cached(page)
    assert {path for path, _ in kept} == SHELL
    assert len(kept) == len(SHELL)
    assert not any("a secret" in text for _, text in kept)


async def test_without_a_connection_a_page_says_so(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Opened while the server is away, a room is our own page that says so; it comes by itself when
    the server is back."""
    async with browser() as opened, watched_page(opened, allowing="ERR_") as page:
        async with serving(private_store.url, settings()) as messenger:
            await enter(page, messenger.url)
            await is_controlled(page)
            await messenger.post("still there", room="garden")
            address, port = messenger.url, messenger.url.rpartition(":")[2]
        await page.goto(address + "/r/garden")
        await expect(page.get_by_role("heading")).to_have_text("No connection")
        await expect(page.locator("main")).to_have_css("max-width", "512px")
        async with serving(private_store.url, settings(port=port)):
            await expect(page.locator("h1")).to_have_text("garden", timeout=20 * SECOND)
            await expect(page.locator("#messages .text")).to_have_text("still there")


async def test_nothing_that_is_over_is_left_in_the_browser(messenger: Messenger) -> None:
    """Own or somebody's: once a message is gone its words, its name and its token are nowhere
    in the document, the storages, the caches, the notifications."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        await is_controlled(page)
        await messenger.post("hidden treasure", author="captain", ttl=4_000)
        await page.evaluate("""() => {
          const short = document.createElement("option");
          short.value = "4s";
          document.querySelector("#ttl").append(short);
        }""")
        await say(page, "hidden treasure, too", life="4s")
        await expect(page.locator("#messages li")).to_have_count(2)
        tokens = await wait_until(
            lambda: page.evaluate("localStorage.getItem('own')"), "the token is kept"
        )
        assert "hidden treasure" in await page.evaluate(KEPT)
        await expect(page.locator("#messages li")).to_have_count(0)
        assert await messenger.texts() == []
        secrets = [
            "hidden treasure",
            "captain",
            tokens.split('"token":"')[1].partition('"')[0],
        ]

        async def is_clean() -> bool:
            kept = await page.evaluate(KEPT)
            kept += " ".join(text for _, text in await cached(page))
            return not any(secret in kept for secret in secrets)

        await wait_until(is_clean, "nothing is left")
        await page.reload()
        assert await is_clean()


async def test_a_draft_lives_no_longer_than_a_message(messenger: Messenger) -> None:
    """What was not sent within the window is forgotten by the tab."""
    async with browser() as opened, watched_page(opened) as page:
        await enter(page, messenger.url)
        field = page.get_by_label("Message", exact=True)
        await field.fill("half a thought")
        await page.reload()
        await expect(field).to_have_value("half a thought")
        await page.evaluate("""() => {
          const draft = JSON.parse(sessionStorage.getItem("draft:lobby"));
          draft.at -= 15 * 60_000;
          sessionStorage.setItem("draft:lobby", JSON.stringify(draft));
        }""")
        await page.reload()
        await expect(page.locator("#status")).to_have_text("Live")
        await expect(field).to_have_value("")
        assert await page.evaluate("sessionStorage.getItem('draft:lobby')") is None


async def test_a_text_that_nobody_took_in_its_time_is_let_go(
    run_messenger: Callable[..., Messenger],
) -> None:
    """A text that may have arrived and would be over is not sent again: it is told and forgotten."""
    messenger = await run_messenger(window="3s")
    async with (
        browser() as opened,
        watched_page(opened, allowing="Failed to load resource") as page,
    ):
        await page.route("**/api/rooms/*/messages", lambda route: route.abort())
        await enter(page, messenger.url)
        await say(page, "too late")
        await expect(page.locator("#pending li")).to_have_count(1)
        await expect(page.locator("#notice")).to_contain_text("could not be sent in its time")
        await expect(page.locator("#pending li")).to_have_count(0)
        assert await page.evaluate("sessionStorage.getItem('outbox:lobby')") is None
    assert await messenger.texts() == []
