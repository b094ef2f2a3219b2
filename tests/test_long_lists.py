"""A whole room in one answer: what is remembered of it, as ready bytes, within bounds."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from yarl import URL

from messenger.log import Log
from messenger.settings import Settings
from tests.lines import Line, request_of
from tests.past import begin_earlier, fill, ids_of_late
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, now_ms
from tests.serving import Messenger, serving
from tests.waiting import wait_until
from web.lengths import LIST_BYTES, LONGEST
from web.remembered import LEAST

PATH = "/api/rooms/lobby/messages"
_COUNT = 2_500
_LIST = request_of(f"{PATH}?limit={LONGEST}", "Connection: close\r\n")

Run = Callable[..., Any]


@pytest.fixture
def ids(log: Log, private_store: PrivateStore) -> list[str]:
    """A room that was much spoken in: its messages' ids, which are their texts, too."""
    with private_store.client() as client:
        begin_earlier(client)
        late = list(ids_of_late(client, _COUNT))
        fill(client, late)
    return late


async def _chain(messenger: Messenger, limit: int) -> AsyncIterator[list[str]]:
    """Pages as a reader finds them who goes back by `Link`."""
    base = URL(messenger.url)
    url: URL | None = base.join(URL(f"{PATH}?limit={limit}"))
    while url is not None:
        async with messenger.session.get(url) as response:
            page = [each["text"] for each in (await response.json())["messages"]]
            links = {name: base.join(link["url"]) for name, link in response.links.items()}
        if page:
            yield page
        url = links.get("prev") if page else None


async def test_all_that_lives_comes_in_one_answer(ids: list[str], run_messenger: Run) -> None:
    """In order, whether there are as many as were asked for or fewer, and the same again; what comes
    and what is erased meanwhile is in the next. No page is older."""
    messenger = await run_messenger()
    assert await messenger.texts(limit=_COUNT) == ids
    assert await messenger.texts(limit=LONGEST) == ids
    assert [page async for page in _chain(messenger, LONGEST)] == [ids]
    posted = await messenger.post("new")
    assert await messenger.texts(limit=LONGEST) == [*ids, "new"]
    token = {"Authorization": f"Bearer {posted['erase_token']}"}
    async with messenger.session.delete(
        f"{messenger.url}{PATH}/{posted['id']}", headers=token
    ) as response:
        assert response.status == 204
    assert await messenger.texts(limit=LONGEST) == ids


async def test_a_part_of_it_is_asked_for_by_its_ids(ids: list[str], run_messenger: Run) -> None:
    """Before an id and after one, as with short pages."""
    messenger = await run_messenger()
    assert await messenger.texts(limit=LONGEST, before=ids[2_000]) == ids[:2_000]
    assert await messenger.texts(limit=1_500, before=ids[2_000]) == ids[500:2_000]
    assert await messenger.texts(limit=LONGEST, after=ids[1_000]) == ids[1_001:]
    assert await messenger.texts(limit=1_200, after=ids[1_000]) == ids[1_001:2_201]


async def test_an_unchanged_list_is_not_sent_again(ids: list[str], run_messenger: Run) -> None:
    """304, for those, too."""
    messenger = await run_messenger()
    url = f"{messenger.url}{PATH}?limit={LONGEST}"
    async with messenger.session.get(url) as response:
        tag = response.headers["ETag"]
        assert response.content_length == len(await response.read())
    async with messenger.session.get(url, headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    async with messenger.session.head(url) as response:
        assert response.content_length > LEAST * 100
    await messenger.post("new")
    async with messenger.session.get(url, headers={"If-None-Match": tag}) as response:
        assert response.status == 200


async def test_a_list_has_no_more_than_its_bytes(
    ids: list[str], run_messenger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is the older page, in both directions."""
    for module in ("listing", "pieces"):
        monkeypatch.setattr(f"web.{module}.LIST_BYTES", 100_000)
    messenger = await run_messenger()
    pages = [page async for page in _chain(messenger, LONGEST)]
    assert [text for page in reversed(pages) for text in page] == ids
    async with messenger.session.get(f"{messenger.url}{PATH}?limit={LONGEST}") as response:
        each = len(await response.read()) // len(pages[0])
    assert [round(len(page) * each / 100_000, 1) for page in pages[:-1]] == [1.0] * 3
    after = await messenger.texts(limit=LONGEST, after="0-0")
    assert after == ids[: len(after)]
    assert round(len(after) * each / 100_000, 1) == 1.0


@pytest.mark.usefixtures("little_memory")
async def test_what_is_not_remembered_is_the_older_page(
    ids: list[str], private_store: PrivateStore, run_messenger: Run
) -> None:
    """A list has what is remembered; behind it come pages of a hundred, until all is told."""
    messenger = await run_messenger()
    with private_store.client() as client:
        await wait_until(
            lambda: int(client.hget(KEYS.meta, "projected") or 0) == len(ids), "it is projected"
        )
    pages = [page async for page in _chain(messenger, LONGEST)]
    assert [text for page in reversed(pages) for text in page] == ids
    assert [len(page) for page in pages] == [LEAST] + [100] * ((_COUNT - LEAST) // 100)
    assert await messenger.texts(limit=LONGEST, before=ids[-1]) == ids[-LEAST:-1]
    assert await messenger.texts(limit=LONGEST, after="0-0") == ids[:100]


async def test_what_is_over_is_in_no_list(
    log: Log, private_store: PrivateStore, run_messenger: Run
) -> None:
    """Not at its time, though the list was ready a moment before."""
    with private_store.client() as client:
        begin_earlier(client)
        ids = list(ids_of_late(client, 600, 2_000))
        for number, entry_id in enumerate(ids):
            fill(client, [entry_id], ttl="900000" if number % 2 else "4000")
    messenger = await run_messenger()
    seen, was_partly = 300, False
    while seen:
        page = await messenger.page(limit=LONGEST)
        assert all(each["expires_at"] > page["now"] for each in page["messages"])
        now_seen = len(page["messages"]) - 300
        assert now_seen <= seen
        seen, was_partly = now_seen, was_partly or 0 < now_seen < 300
    assert was_partly
    assert await messenger.texts(limit=LONGEST) == ids[1::2]


def test_the_longest_texts_fit_a_short_page() -> None:
    """A short page is never cut: 2,000 characters of four bytes, written as JSON, and the rest."""
    assert LIST_BYTES > 100 * (2_000 * 4 + 40 * 4 + 500)


@pytest.fixture
def _hardly_room(log: Log, private_store: PrivateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of four megabytes; one that is not taken is all that there is room for."""
    monkeypatch.setattr("web.longanswers._MOST_BYTES", 1)
    with private_store.client() as client:
        begin_earlier(client)
        fill(client, ids_of_late(client, _COUNT), text="\u6f22" * 500)


@pytest.mark.usefixtures("_hardly_room")
async def test_lists_that_are_not_read_take_no_more_memory_than_there_is(
    messenger: Messenger,
) -> None:
    """While there is no room a list has a hundred messages, whichever they are, and the older page the
    rest; when one was read the next is whole."""
    ids = [each["id"] for each in (await messenger.page(limit=LONGEST))["messages"]]
    assert len(ids) == _COUNT
    with await Line.open(messenger.url, _LIST, receives=4_096) as line:
        await wait_until(lambda: _has(messenger, 100), "another list is short")
        page = await messenger.page(limit=LONGEST, before=ids[2_000])
        assert [each["id"] for each in page["messages"]] == ids[1_900:2_000]
        page = await messenger.page(limit=LONGEST, after=ids[500])
        assert [each["id"] for each in page["messages"]] == ids[501:601]
        pages = _chain(messenger, LONGEST)
        assert [len(await anext(pages)) for _ in range(3)] == [100] * 3
        answer = await line.rest()
    assert answer.count(b'"text":"') == _COUNT
    await wait_until(lambda: _has(messenger, _COUNT), "the next is whole")


@pytest.mark.usefixtures("_hardly_room")
async def test_a_list_that_is_not_read_in_time_is_cut(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of it was taken meanwhile: nobody keeps a list for long."""
    monkeypatch.setattr("web.longanswers._TAKE_S", 0.3)
    taken = 0
    with await Line.open(messenger.url, _LIST, receives=4_096) as line:
        while line.is_open():
            with contextlib.suppress(ConnectionError):
                taken += len(await line.some(1_000))
            await asyncio.sleep(0.01)
    assert taken < 1_500 * _COUNT
    await wait_until(lambda: _has(messenger, _COUNT), "another list is whole")


async def _has(messenger: Messenger, count: int) -> bool:
    return len(await messenger.texts(limit=LONGEST)) == count


async def test_what_is_longer_than_a_list_is_one_alone(
    log: Log, private_store: PrivateStore, messenger: Messenger
) -> None:
    """Another program may have written it: whoever goes on comes to what is behind it."""
    with private_store.client() as client:
        begin = now_ms(client)
        for number in range(150):
            size = LIST_BYTES if number == 120 else 1
            last = add_posted(client, f"{begin}-{number}", "x" * size)

    async def is_read() -> bool:
        return [each["id"] for each in (await messenger.page(limit=1))["messages"]] == [last]

    await wait_until(is_read, "all is read")
    pages = [len(page) async for page in _chain(messenger, LONGEST)]
    assert pages == [29, 1, 120]
    after = await messenger.texts(limit=LONGEST, after=f"{begin}-119")
    assert len(after) == 1
    assert len(await messenger.texts(limit=100)) == 100
    assert len(await messenger.texts(limit=100, before=f"{begin}-140")) == 100


def test_a_list_goes_out_whole_on_uvloop(
    private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """As it is served: its pieces are written by another way there than on asyncio's own loop."""

    async def ask() -> None:
        async with serving(private_store.url, settings()) as messenger:
            assert messenger.logs
            with private_store.client() as client:
                begin = now_ms(client)
                fill(client, [f"{begin}-{number}" for number in range(_COUNT)], text="x" * 1_500)
            await wait_until(lambda: _has(messenger, _COUNT), "all is read")
            with await Line.open(messenger.url, _LIST, receives=4_096) as line:
                answer = await line.rest(60)
            head, _, body = answer.partition(b"\r\n\r\n")
            found = json.loads(body)["messages"]
            assert [each["id"] for each in found] == [f"{begin}-{n}" for n in range(_COUNT)]
            assert head.endswith(b"\r\nContent-Length: %d" % len(body))

    uvloop.run(ask())
