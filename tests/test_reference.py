"""The contract as it is served: documents with tags, schemas on their own, and the page for people."""

import re
import shlex
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from playwright.async_api import Page

from tests.browser import browser, watched_page
from tests.contracts import hold, looked_up, parts_of
from tests.firehoses import TOKEN
from tests.operating import bury
from tests.private_store import PrivateStore
from tests.serving import Messenger
from tests.test_page_looks import HEIGHT, WIDTHS, complaints
from web.contract import operators, parts
from web.contract.asyncapi import asyncapi
from web.contract.codes import CODES
from web.contract.description import Route
from web.contract.openapi import ROUTES, openapi
from web.contract.schemas import schemas, standing_alone
from web.contract.told import EVENTS

_DOCUMENTS = ("/openapi.json", "/asyncapi.json", "/schemas/Polled.json", "/docs")
# What sticks out of the page to the side.
_STICKS_OUT = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.checkVisibility() && !element.closest(".anchor, .skip, thead"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 80))"""
_LEADS_NOWHERE = """() => [...document.querySelectorAll("a[href^='#']")]
  .map((link) => link.getAttribute("href").slice(1))
  .filter((name) => !document.getElementById(name))"""
_DOUBLED = """() => { const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  return ids.filter((each, at) => ids.indexOf(each) < at); }"""


async def get(messenger: Messenger, path: str, **headers: str) -> tuple[int, Any, bytes]:
    async with messenger.session.get(messenger.url + path, headers=headers) as response:
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize("path", _DOCUMENTS)
async def test_a_document_has_a_tag(messenger: Messenger, path: str) -> None:
    """The same bytes each time; 304 to who has them; nothing to HEAD but the headers."""
    status, headers, body = await get(messenger, path)
    assert status == 200
    assert headers["Cache-Control"] == "no-cache"
    assert (await get(messenger, path))[2] == body
    known = {"If-None-Match": headers["ETag"]}
    again = await get(messenger, path, **known)
    assert (again[0], again[2], again[1]["ETag"]) == (304, b"", headers["ETag"])
    assert (await get(messenger, path, **{"If-None-Match": '"other"'}))[0] == 200
    async with messenger.session.head(messenger.url + path) as response:
        assert response.status == 200
        assert response.headers["ETag"] == headers["ETag"]


async def test_the_documents_are_what_was_validated(messenger: Messenger) -> None:
    """What is served is what the other tests look at."""
    async with messenger.session.get(f"{messenger.url}/openapi.json") as response:
        assert await response.json() == openapi()
    async with messenger.session.get(f"{messenger.url}/asyncapi.json") as response:
        assert await response.json() == asyncapi()


@pytest.mark.parametrize("name", schemas())
async def test_a_schema_stands_alone(messenger: Messenger, name: str) -> None:
    """Each is where the documents say, under its own id, with all that it refers to in it."""
    path = schemas()[name]["x-schema"]
    status, headers, _ = await get(messenger, path)
    assert (status, headers["Content-Type"]) == (200, "application/schema+json")
    async with messenger.session.get(messenger.url + path) as response:
        found = await response.json(content_type=None)
    assert found == standing_alone(name)
    assert found["$id"] == path
    Draft202012Validator.check_schema(found)
    assert Draft202012Validator(found).is_valid({}) == (not found.get("required"))
    for part in parts_of(found):
        assert "$ref" not in part or looked_up(found, part["$ref"])


@pytest.mark.parametrize(
    "name", ["Nothing.json", "Message", "message.json", "..%2Fpage.css", "%00"]
)
async def test_another_schema_is_not_found(messenger: Messenger, name: str) -> None:
    """A name of none of ours is 404, in the shape of other refusals."""
    assert (await messenger.problem("GET", f"/schemas/{name}"))["code"] == "not-found"


def _request_of(line: str) -> dict[str, Any]:
    """A curl line as a request: what of curl the lines use."""
    words = shlex.split(line.replace("\\\n", " "))
    request: dict[str, Any] = {"method": "GET", "headers": {}}
    assert words.pop(0) == "curl"
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            request["headers"][name] = value
        elif word == "-d":
            request |= {"data": words.pop(0), "method": "POST"}
        elif word == "-X":
            request["method"] = words.pop(0)
        elif word not in ("-i", "-N"):
            assert "url" not in request
            request["url"] = word
    return request


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
async def test_a_line_to_try_works(
    private_store: PrivateStore, run_messenger: Any, route: Route
) -> None:
    """Each curl line, as it stands but for the address, the tokens and a message that lives, gets a
    good answer of the status that is told first, as it is told."""
    messenger = await run_messenger(admin_token=TOKEN)
    posted = await messenger.post("hello")
    if route.group == operators.GROUP.name:
        (posted["id"],) = await bury(private_store, messenger.logs.all[0], "bad")
    line = route.curl.replace("http://127.0.0.1:8000", messenger.url)
    line = line.replace("1764000000000-0", posted["id"])
    line = line.replace("$ERASE_TOKEN", posted["erase_token"])
    line = line.replace("$MESSENGER_ADMIN_TOKEN", TOKEN)
    request = _request_of(line)
    assert request["method"] == route.method
    async with messenger.session.request(**request) as response:
        assert response.status == route.answers[0].status, await response.text()
        told = route.answers[0].media.get(parts.JSON)
        if isinstance(told, type):
            hold(await response.json(), told.__name__)


async def _visit(page: Page, messenger: Messenger) -> None:
    response = await page.goto(f"{messenger.url}/docs")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


@pytest.mark.timeout(240)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(messenger: Messenger, width: int, scheme: Any) -> None:
    """WCAG 2.2 AA as far as a machine can see it, on a phone and wide, light and dark; the contents are
    open too; and nothing sticks out to the side."""
    options = {"viewport": {"width": width, "height": HEIGHT}, "color_scheme": scheme}
    async with browser() as opened, watched_page(opened, **options) as page:
        await _visit(page, messenger)
        assert await complaints(page) == []
        assert await page.evaluate(_STICKS_OUT) == []
        if width == min(WIDTHS):
            await page.get_by_text("Contents", exact=True).click()
            assert await complaints(page, within="details.contents") == []
            assert await page.evaluate(_STICKS_OUT) == []


async def test_it_shows_all_of_it(messenger: Messenger) -> None:
    """Every route with its parameters, every code, event, entry and schema is there to be read; every
    link within leads somewhere, and no place is named twice."""
    async with browser() as opened, watched_page(opened, java_script_enabled=True) as page:
        await _visit(page, messenger)
        assert await page.evaluate(_LEADS_NOWHERE) == []
        assert await page.evaluate(_DOUBLED) == []
        for route in ROUTES:
            article = page.locator(f"article:has(> .words > h3#{route.id})")
            shown = await article.inner_text()
            assert f"{route.method} {route.path}" in " ".join(shown.split())
            assert route.summary in shown
            for parameter in route.parameters:
                assert parameter.name in shown
            for code in route.refusals:
                assert code in shown
            assert route.curl.splitlines()[0] in shown
        whole = await page.locator("main").inner_text()
        assert [name for name in (*CODES, *schemas()) if name not in whole] == []
        for event in EVENTS:
            assert await page.locator(f"#event-{event.kind.__name__}").is_visible()
        assert (
            "message.erased"
            in await page.locator("article:has(#entry-message\\.erased)").inner_text()
        )


async def test_it_needs_no_script(messenger: Messenger) -> None:
    """The page has none, and loads its styles and nothing else."""
    async with browser() as opened, watched_page(opened) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(messenger.url)))
        await _visit(page, messenger)
        assert await page.locator("script, [style], style").count() == 0
    assert set(asked) <= {"/docs", "/static/page.css", "/static/reference.css", "/static/icon.svg"}


async def test_the_contents_lead_on(messenger: Messenger) -> None:
    """Beside the text where there is room; a link in it brings its part into view."""
    viewport = {"width": max(WIDTHS), "height": HEIGHT}
    async with (
        browser() as opened,
        watched_page(opened, viewport=viewport, reduced_motion="reduce") as page,
    ):
        await _visit(page, messenger)
        side = page.locator("nav.side")
        await side.get_by_role("link", name=re.compile("Erase a message")).click()
        assert page.url.endswith("#eraseMessage")
        top = await page.evaluate(
            "document.querySelector('#eraseMessage').getBoundingClientRect().top"
        )
        assert 0 <= top < HEIGHT / 2
        box = await side.bounding_box()
        assert box is not None
        assert (box["y"], box["height"]) == (0, HEIGHT)
