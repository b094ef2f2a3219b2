"""Messages over HTTP: post, page, one, erase."""

import asyncio
import re
from collections.abc import Callable

import pytest

from messenger.entries import EntryId
from messenger.log import Post
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted, holders, now_ms, texts
from tests.serving import Messenger
from tests.waiting import wait_until
from web.remembered import LEAST

PATH = "/api/rooms/lobby/messages"
TOKEN = "an-operators-token-of-enough-length"


async def erase(messenger: Messenger, message: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with messenger.session.delete(
        f"{messenger.url}{PATH}/{message}", headers=headers
    ) as response:
        return response.status


async def test_a_post_is_answered_with_all_that_it_is(messenger: Messenger) -> None:
    """201 with its address, its times and the token to erase it; what was sent is what is kept."""
    request = {"text": "  hello\n\tworld  ", "author": "Ann", "ttl": "30s"}
    async with messenger.session.post(messenger.url + PATH, json=request) as response:
        posted = await response.json()
        assert response.status == 201
        assert response.headers["Location"] == f"{PATH}/{posted['id']}"
    assert posted["text"] == "  hello\n\tworld  "
    assert (posted["room"], posted["author"]) == ("lobby", "Ann")
    assert posted["created_at"] == EntryId.parse(posted["id"]).ms
    assert posted["expires_at"] == posted["created_at"] + 30_000
    assert 29_000 < posted["expires_in"] <= 30_000
    assert re.fullmatch(r"[0-9a-f]{32}", posted["erase_token"])
    async with messenger.session.get(f"{messenger.url}{PATH}/{posted['id']}") as response:
        one = await response.json()
    assert one == {name: posted[name] for name in one}
    assert "erase_token" not in one


async def test_a_poster_who_reloads_sees_the_post(messenger: Messenger) -> None:
    """The answer to a post comes when the page has it, every time."""
    for number in range(50):
        posted = await messenger.post(f"{number}")
        assert (await messenger.page(limit=1))["messages"][0]["id"] == posted["id"]


@pytest.mark.parametrize(("given", "kept"), [(None, 900_000), (1_000, 1_000), ("15m", 900_000)])
async def test_a_message_lives_as_long_as_asked(
    messenger: Messenger, given: int | str | None, kept: int
) -> None:
    """A life from a second up to the window, in milliseconds or written; the window without one."""
    posted = await messenger.post("hello", ttl=given)
    assert posted["expires_at"] - posted["created_at"] == kept


async def test_the_newest_page_is_in_chat_order_and_leads_to_the_older(
    messenger: Messenger,
) -> None:
    """Following rel=prev from the newest page gives every message once; rel=next leads back."""
    posted = [(await messenger.post(f"{number}"))["text"] for number in range(25)]
    address, seen = f"{messenger.url}{PATH}?limit=10", list[str]()
    for _ in range(3):
        async with messenger.session.get(address) as response:
            found = [message["text"] for message in (await response.json())["messages"]]
            seen = found + seen
            links, base = response.links, response.url
        if "prev" in links:
            address = str(base.join(links["prev"]["url"]))
    assert seen == posted
    async with messenger.session.get(base.join(links["next"]["url"])) as response:
        assert [m["text"] for m in (await response.json())["messages"]] == posted[5:15]


@pytest.mark.usefixtures("little_memory")
async def test_pages_reach_behind_what_is_remembered(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """Older pages come from the view, and are the same as if they came from memory."""
    messenger = await run_messenger()
    count = LEAST + 150
    with private_store.client() as client:
        begin = now_ms(client) - 100_000
        for number in range(count):
            add_posted(client, f"{begin + number}-0", f"{number}")
        await wait_until(
            lambda: int(client.hget(KEYS.meta, "projected") or 0) == count, "it is projected"
        )
    seen: list[str] = []
    query: dict[str, str] = {}
    while len(seen) < count:
        page = (await messenger.page(limit=100, **query))["messages"]
        assert page, f"the chain broke at {query} with {len(seen)} seen"
        seen = [message["text"] for message in page] + seen
        query = {"before": page[0]["id"]}
    assert seen == [f"{number}" for number in range(count)]
    assert await messenger.texts(after="0-0", limit=3) == ["0", "1", "2"]
    assert (await messenger.page(before=f"{begin}-0"))["messages"] == []


async def test_an_unchanged_page_is_not_sent_again(messenger: Messenger) -> None:
    """304 until something comes or goes."""
    posted = await messenger.post("hello")

    async def ask(tag: str) -> tuple[int, str]:
        async with messenger.session.get(
            messenger.url + PATH, headers={"If-None-Match": tag}
        ) as response:
            return response.status, response.headers["ETag"]

    status, tag = await ask("")
    assert status == 200
    assert await ask(tag) == (304, tag)
    assert await ask(f'"other", {tag}') == (304, tag)
    await messenger.post("more")
    status, second = await ask(tag)
    assert (status, second != tag) == (200, True)
    assert await erase(messenger, posted["id"], posted["erase_token"]) == 204
    assert (await ask(second))[0] == 200


@pytest.mark.parametrize("who", ["author", "operator"])
async def test_erasing_takes_the_text_from_everywhere_at_once(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger], who: str
) -> None:
    """After 204 the text is in no page, no row, no log, and every screen has been told."""
    messenger = await run_messenger(admin_token=TOKEN)
    posted = await messenger.post("the secret word")
    await messenger.post("stays")
    token = posted["erase_token"] if who == "author" else TOKEN
    with private_store.client() as client:
        row = KEYS.message(posted["id"])
        await wait_until(lambda: client.exists(row), "it is projected")
        async with messenger.stream() as stream:
            await stream.next()
            assert await erase(messenger, posted["id"], token) == 204
            assert await messenger.texts() == ["stays"]
            assert texts(client) == ["stays"]
            assert holders(client, "the secret word") == []
            erased = await stream.next()
    assert erased.data == {"room": "lobby", "message": posted["id"], "by": who}
    gone = await messenger.problem("GET", f"{PATH}/{posted['id']}")
    assert (gone["status"], gone["code"]) == (410, "message-erased")
    assert await erase(messenger, posted["id"], token) == 204


@pytest.mark.parametrize("token", [None, "wrong", "ünïcode", "", TOKEN[:-1]])
async def test_erasing_takes_the_right_token(
    run_messenger: Callable[..., Messenger], token: str | None
) -> None:
    """Absent and wrong tokens get the same refusal, and the message stays."""
    messenger = await run_messenger(admin_token=TOKEN)
    posted = await messenger.post("stays")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    refused = await messenger.problem("DELETE", f"{PATH}/{posted['id']}", headers=headers)
    assert (refused["status"], refused["code"]) == (401, "not-allowed")
    assert refused["headers"]["WWW-Authenticate"].startswith("Bearer")
    assert await messenger.texts() == ["stays"]


async def test_one_token_erases_one_message(messenger: Messenger) -> None:
    """The token of a post is of no use for another."""
    first, second = await messenger.post("first"), await messenger.post("second")
    assert await erase(messenger, second["id"], first["erase_token"]) == 401
    assert await messenger.texts() == ["first", "second"]


async def test_a_message_is_only_in_its_room(messenger: Messenger) -> None:
    """Its id is of no use in another room, not even with its token."""
    posted = await messenger.post("here", room="here")
    for method in ("GET", "DELETE"):
        headers = {"Authorization": f"Bearer {posted['erase_token']}"}
        path = f"/api/rooms/elsewhere/messages/{posted['id']}"
        refused = await messenger.problem(method, path, headers=headers)
        assert (refused["status"], refused["code"]) == (404, "message-not-found")


async def test_posting_too_fast_is_refused_with_the_time_to_wait(
    run_messenger: Callable[..., Messenger],
) -> None:
    """A visitor's rate is said with every post; past it 429 says when the next may come."""
    messenger = await run_messenger(post_rate="3/30s")
    for left in (2, 1, 0):
        async with messenger.session.post(messenger.url + PATH, json={"text": "x"}) as response:
            assert response.status == 201
            assert response.headers["RateLimit-Policy"] == '"post";q=3;w=30'
            assert response.headers["RateLimit"].startswith(f'"post";r={left};t=')
    refused = await messenger.problem("POST", PATH, json={"text": "x"})
    assert (refused["status"], refused["code"]) == (429, "too-fast")
    assert 1 <= int(refused["headers"]["Retry-After"]) <= 10
    assert len(await messenger.texts()) == 3


async def test_rooms_of_many_partitions_are_one_messenger(
    run_messenger: Callable[..., Messenger],
) -> None:
    """With several partitions every room still has its messages, its stream and its place."""
    messenger = await run_messenger(partitions="4")
    names = [f"room{number}" for number in range(12)]
    for name in names:
        await messenger.post(f"in {name}", room=name)
        assert await messenger.texts(name) == [f"in {name}"]
        async with messenger.stream(name, after="0-0") as stream:
            assert (await stream.until("message")).data["room"] == name
    async with messenger.session.get(messenger.url + "/api/rooms") as response:
        found = await response.json()
    assert {room["room"] for room in found["rooms"]} == set(names)


async def test_an_erased_short_life_is_still_told_after_its_time(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """What was erased stays known as erased while a message of its time could live."""
    posted = await messenger.post("brief", ttl=5_000)
    assert await erase(messenger, posted["id"], posted["erase_token"]) == 204
    with private_store.client() as client:
        assert client.pttl(KEYS.message(posted["id"])) > 800_000


async def test_erasing_what_is_over_says_so(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """DELETE of a message whose time is over is 410, as GET is."""
    posted = await messenger.post("brief", ttl=1_000)
    with private_store.client() as client:
        await wait_until(lambda: texts(client) == [], "it is swept")
    headers = {"Authorization": f"Bearer {posted['erase_token']}"}
    gone = await messenger.problem("DELETE", f"{PATH}/{posted['id']}", headers=headers)
    assert (gone["status"], gone["code"]) == (410, "message-expired")


@pytest.mark.usefixtures("little_memory")
async def test_what_lives_longer_than_a_crowd_is_still_on_the_page(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """More came and went since than memory holds: what still lives is on the page, and its room is
    in the list."""
    messenger = await run_messenger()
    with private_store.client() as client:
        lives = [(await messenger.post(f"lives {number}"))["id"] for number in range(3)]
        log = messenger.logs.all[0]
        passing = [Post("lobby", "me", "passes") for _ in range(LEAST + 5)]
        passed = await asyncio.gather(*(log.append(post) for post in passing))
        await asyncio.gather(*(log.erase("lobby", each.id, "operator") for each in passed))
        await wait_until(lambda: client.exists(KEYS.message(lives[-1])), "they are projected")

    async def is_shown() -> bool:
        page = await messenger.page()
        return [message["id"] for message in page["messages"]] == lives

    await wait_until(is_shown, "the page shows what lives, and that alone")
    assert [each["id"] for each in (await messenger.page(limit=10_000))["messages"]] == lives
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        assert "lives 2" in await response.text()
    async with messenger.session.get(messenger.url + "/api/rooms") as response:
        assert [room["room"] for room in (await response.json())["rooms"]] == ["lobby"]
