"""Debian's Chromium, driven by Playwright."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

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


def find_chromium() -> str:
    """The browser; without it a test is skipped on a person's machine, and fails in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        words = "there is no chromium on PATH; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, args=list(_QUIET)
        )
        yield launched
        await launched.close()


@contextlib.asynccontextmanager
async def watched_page(opened: Browser | BrowserContext, **options: Any) -> AsyncIterator[Page]:
    """A page in a profile of its own. What it complains of, and what it asks of other hosts, fails
    the test."""
    context = await opened.new_context(**options) if isinstance(opened, Browser) else opened
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if "//127.0.0.1:" in asked.url else complaints.append(f"asked for {asked.url}")
        ),
    )
    yield page
    await context.close()
    assert complaints == []
