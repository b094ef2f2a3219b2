"""The page as the server renders it: what a person without JavaScript has."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from consumers.view import View
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import counts
from tests.serving import Messenger
from tests.waiting import wait_until
from web import shown

HTML = {"Accept": "text/html,application/xhtml+xml"}


async def fetch(messenger: Messenger, path: str, status: int = 200) -> str:
    async with messenger.session.get(messenger.url + path, headers=HTML) as response:
        assert response.status == status
        return await response.text()


def texts(page: str) -> list[str]:
    return re.findall(r'<p class="text" dir="auto">(.*?)</p>', page, re.DOTALL)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("kitchen", "/r/kitchen"),
        (" #kitchen ", "/r/kitchen"),
        ("the tea  kitchen", "/r/the-tea-kitchen"),
        ("日本語", "/r/%E6%97%A5%E6%9C%AC%E8%AA%9E"),
    ],
)
async def test_a_room_is_opened_by_its_name(messenger: Messenger, typed: str, path: str) -> None:
    """What somebody types leads to a room, spaces and a # included."""
    async with messenger.session.get(
        messenger.url + "/r", params={"room": typed}, allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (303, path)


@pytest.mark.parametrize("query", ["", "?room=", "?room=a/b", "?room=" + "x" * 65])
async def test_a_name_that_is_none_says_what_is_allowed(messenger: Messenger, query: str) -> None:
    """The lobby is shown again, with the rule beside the form."""
    page = await fetch(messenger, "/r" + query, 400)
    assert "1 to 64 letters" in page
    assert 'id="room-problem"' in page


async def test_a_person_is_told_in_a_page_and_a_program_in_a_problem(messenger: Messenger) -> None:
    """A page that can't be shown says why in the form that was asked for."""
    page = await fetch(messenger, "/r/-x", 400)
    assert "1 to 64 letters" in page
    assert 'href="/"' in page
    assert (await messenger.problem("GET", "/r/-x"))["code"] == "bad-room"
    assert (await messenger.problem("GET", "/r/lobby?before=x"))["code"] == "bad-cursor"


async def test_older_messages_are_reached_by_links(messenger: Messenger) -> None:
    """From the newest page links lead back to the first message, each message once."""
    said = [f"number {number}" for number in range(250)]
    for text in said:
        await messenger.post(text)
    page = await fetch(messenger, "/r/lobby")
    found = texts(page)
    assert "data-past" not in page
    while link := re.search(r'<p id="older"><a href="/r/lobby(\?before=[\d-]+)"', page):
        page = await fetch(messenger, "/r/lobby" + link[1])
        assert "data-past" in page
        assert 'href="/r/lobby">Newest messages' in page
        found = texts(page) + found
    assert found == said


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("remembered", [149, 150, 151, 200, 201])
async def test_links_lead_on_where_memory_ends(
    private_store: PrivateStore,
    run_messenger: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    remembered: int,
) -> None:
    """Back to the first message, wherever what is remembered ends."""
    monkeypatch.setattr("web.remembered.LEAST", remembered)
    messenger = await run_messenger()
    said = await _in_the_view(private_store, 450)
    assert await _all_pages(messenger) == said


async def test_links_lead_past_what_is_long(
    private_store: PrivateStore,
    run_messenger: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes of a list are no bound of a page: none is cut, and its link is there."""
    monkeypatch.setattr("web.listing.LIST_BYTES", 1_000)
    messenger = await run_messenger()
    said = await _in_the_view(private_store, 350)
    assert await _all_pages(messenger) == said


async def _in_the_view(private_store: PrivateStore, count: int) -> list[str]:
    """So many messages, once the projector has applied them; their ids, which are their texts, too."""
    with private_store.client() as client:
        begin_earlier(client)
        said = list(ids_of_late(client, count))
        fill(client, said)
        await wait_until(lambda: counts(client).get("posted") == count, "all are in the view")
    return said


async def _all_pages(messenger: Messenger) -> list[str]:
    """What is told from the newest page on, by its links, the oldest first."""
    page = await fetch(messenger, "/r/lobby")
    found = texts(page)
    while link := re.search(r'<p id="older"><a href="/r/lobby(\?before=[\d-]+)"', page):
        page = await fetch(messenger, "/r/lobby" + link[1])
        found = texts(page) + found
    return found


async def test_what_comes_while_a_page_is_read_is_after_its_cursor(
    private_store: PrivateStore,
    run_messenger: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that asks the view: what is posted meanwhile is not on it, and a stream after its cursor
    tells it. So it is with the page as JSON."""
    monkeypatch.setattr("web.remembered.LEAST", 5)
    monkeypatch.setattr("web.remembered.BUDGET_BYTES", 0)
    messenger = await run_messenger()
    await _in_the_view(private_store, 20)
    read = View.rows_before

    async def rows_before(*given: Any) -> list[bytes]:
        rows = await read(*given)
        await messenger.post("meanwhile")
        return rows

    monkeypatch.setattr(View, "rows_before", rows_before)
    page = await fetch(messenger, "/r/lobby")
    assert "meanwhile" not in page
    found = re.search(r'data-cursor="([\d-]+)"', page)
    assert found
    json = await messenger.page()
    assert [message["text"] for message in json["messages"]].count("meanwhile") == 1
    for cursor, missed in ((found[1], 2), (json["cursor"], 1)):
        async with messenger.stream(after=cursor) as stream:
            told = [each["text"] for each in await stream.messages(missed)]
        assert told == ["meanwhile"] * missed


async def test_links_lead_out_safely(messenger: Messenger) -> None:
    """An address in a text is a link that says nothing of where it was found; markup stays text."""
    await messenger.post('<b>https://example.org/?a="b"&c=d</b>')
    (text,) = texts(await fetch(messenger, "/r/lobby"))
    assert text == (
        '&lt;b&gt;<a href="https://example.org/?a=" target="_blank" '
        'rel="noopener noreferrer nofollow ugc">https://example.org/?a=</a>'
        "&#34;b&#34;&amp;c=d&lt;/b&gt;"
    )


async def test_rooms_say_how_long_they_last(messenger: Messenger) -> None:
    """The page lists the living rooms, and when the last message of each goes."""
    await messenger.post("tea?", "kitchen", ttl="10m")
    page = await fetch(messenger, "/r/lobby")
    assert re.search(r'href="/r/kitchen".*?empty in (9|10) min', page)
    assert re.search(r'href="/r/lobby" aria-current="page".*?<small>empty</small>', page)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("/sw.js", "text/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/static/page.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/icon-192.png", "image/png"),
        ("/static/offline.html", "text/html; charset=utf-8"),
    ],
)
async def test_our_own_files_are_asked_for_again(
    messenger: Messenger, name: str, content_type: str
) -> None:
    """Each has its type and a tag; unchanged it is not sent twice; none runs what is not ours."""
    url = messenger.url + name
    async with messenger.session.get(url) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, content_type)
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        tag = response.headers["ETag"]
    async with messenger.session.get(url, headers={"If-None-Match": tag}) as response:
        assert response.status == 304


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 s"),
        (1, "1 s"),
        (59_000, "59 s"),
        (60_000, "1 min"),
        (3_599_999, "59 min"),
        (3_600_000, "1 h"),
        (3_660_000, "1 h 1 min"),
        (86_400_000, "1 d"),
        (93_600_000, "1 d 2 h"),
    ],
)
def test_the_time_left_is_told_in_words(ms: int, words: str) -> None:
    """At most two units, and never more than is left by more than a second."""
    assert shown.left(ms) == words


def test_a_choice_of_lives_is_exact() -> None:
    """The window comes first; words are used only where they say the same."""
    assert shown.lives(900_000)[0] == ("15m", "15 min")
    assert shown.lives(90_000) == [("90s", "90s"), ("1m", "1 min"), ("10s", "10 s")]
