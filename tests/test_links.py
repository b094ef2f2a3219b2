"""One rule in two languages: what the server renders, and what the page's scripts make later."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser import browser, enter, shown, watched_page
from tests.serving import Messenger
from web import links
from web import shown as words

CASES: list[Any] = json.loads((Path(__file__).parent / "links.json").read_text(encoding="utf-8"))
AUTHORS = [
    "ann", "Ärger", "ßen", "ŉa", "ǆ", "ﬁnn", "ა", "مريم", "李", "ไทย", "नमस्ते", "Ⅷ", "ª", "-_x",
    "42", "👩‍👩‍👧", "👩 zoe", "e\u0301", "\u0301e", "𝔘𝔫𝔦", "𐐨", "🇫🇷", "İ", "anonymous", "ʰ",
]  # fmt: skip
RESTS = [
    -5, 0, 1, 999, 1_000, 1_001, 9_999, 59_000, 59_001, 59_999, 60_000, 119_999, 3_599_999,
    3_600_000, 3_660_000, 86_399_999, 86_400_000, 90_000_000, 31_536_000_000,
]  # fmt: skip

_LINKED = """async (texts) => {
  const { linked } = await import("/static/links.js");
  return texts.map((text) => {
    const nodes = linked(text);
    return {
      links: nodes.filter((node) => node.href).map((node) => node.textContent),
      text: nodes.map((node) => node.textContent ?? node).join(""),
    };
  });
}"""
_WORDS = """async ([authors, rests]) => {
  const { hue, initial, left } = await import("/static/words.js");
  return [authors.map(initial), authors.map(hue), rests.map(left)];
}"""


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_server_finds_the_links(text: str, expected: list[str]) -> None:
    """Links are found as the cases say, and all pieces joined are the text."""
    found = links.parts(text)
    assert [part.text for part in found if part.is_link] == expected
    assert "".join(part.text for part in found) == text


async def test_the_page_finds_the_same_links(run_messenger: Callable[..., Messenger]) -> None:
    """The script gives for each case what the server gives."""
    messenger = await run_messenger()
    async with browser() as opened, watched_page(opened) as page:
        await page.goto(messenger.url + "/r/lobby")
        found = await page.evaluate(_LINKED, [text for text, _ in CASES])
    assert [(each["text"], each["links"]) for each in found] == [tuple(each) for each in CASES]


async def test_the_page_has_the_same_words(run_messenger: Callable[..., Messenger]) -> None:
    """The letter and the colour of a face, and the time left, are the same from both."""
    messenger = await run_messenger()
    async with browser() as opened, watched_page(opened) as page:
        await page.goto(messenger.url + "/r/lobby")
        found = await page.evaluate(_WORDS, [AUTHORS, RESTS])
    initials, hues, lefts = found
    assert initials == [words.initial(author) for author in AUTHORS]
    assert hues == [words.hue(author) for author in AUTHORS]
    assert lefts == [words.left(rest) for rest in RESTS]


async def test_a_link_leads_out_without_telling_from_where(
    run_messenger: Callable[..., Messenger],
) -> None:
    """Rendered by the server or by the script, a link is the same element, and asks for nothing."""
    messenger = await run_messenger()
    text = "see (https://example.org/a_(b)), not javascript:alert(1)"
    async with browser() as opened, watched_page(opened) as page:
        await messenger.post(text)
        await enter(page, messenger.url)
        await messenger.post(text)
        await expect(page.locator("#messages .text a")).to_have_count(2)
        assert await shown(page) == [text, text]
        for link in await page.locator("#messages .text a").all():
            await expect(link).to_have_attribute("href", "https://example.org/a_(b)")
            await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow ugc")
            await expect(link).to_have_attribute("target", "_blank")
