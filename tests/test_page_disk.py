"""No message is on the disk of who reads it: what a browser caches would outlive its time."""

from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser import _QUIET, enter, shown
from tests.installed import installed
from tests.serving import Messenger
from tests.waiting import wait_until

_POSTS = 150
_WORD = "a-treasure-that-is-read"


async def test_no_message_is_left_on_the_reader_s_disk(
    messenger: Messenger, tmp_path: Path
) -> None:
    """Found by looking: older pages, which the page asks of the API, were kept in the browser's cache,
    since it was told to ask again and not to keep nothing."""
    for number in range(_POSTS):
        await messenger.post(f"{_WORD} {number}")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path,
            executable_path=installed("chromium", "chromium-browser"),
            headless=True,
            args=list(_QUIET),
        )
        page = await context.new_page()
        await enter(page, messenger.url)

        async def is_at_the_oldest() -> bool:
            await page.evaluate("pane.scrollTop = 0")
            return f"{_WORD} 0" in await shown(page)

        await wait_until(is_at_the_oldest, "the oldest is there")
        await page.goto(f"{messenger.url}/api/rooms/lobby/messages")
        assert _WORD in await page.content()
        await page.goto(f"{messenger.url}/static/page.css")
        await context.close()
    assert _holding(tmp_path, "/static/page.css") != [], "it keeps what it may"
    assert _holding(tmp_path, _WORD) == []


def _holding(folder: Path, word: str) -> list[str]:
    """The files that have a word in them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if word.encode() in path.read_bytes()]
