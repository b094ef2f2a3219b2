"""The API of the operators' page: for who holds the token, and nothing of it for a cache."""

from collections.abc import Callable
from typing import Any

import pytest

from messenger.log import Log
from tests.consuming import counted, pending
from tests.operating import OPERATOR, TOKEN, bury
from tests.past import fill
from tests.private_store import PrivateStore
from tests.raw import KEYS, now_ms
from tests.serving import Messenger
from tests.waiting import wait_until

LETTERS = "/api/ops/letters"
ROUTES = (
    ("GET", "/api/ops/figures"),
    ("GET", "/api/ops/groups"),
    ("GET", LETTERS),
    ("GET", f"{LETTERS}/mailer/0/1-1"),
    ("POST", f"{LETTERS}/mailer/0/1-1/requeue"),
    ("DELETE", f"{LETTERS}/mailer/0/1-1"),
    ("POST", f"{LETTERS}/mailer/requeue"),
    ("DELETE", f"{LETTERS}/mailer"),
)


@pytest.fixture
async def messenger(run_messenger: Callable[..., Any]) -> Messenger:
    found: Messenger = await run_messenger(admin_token=TOKEN)
    return found


@pytest.fixture
def log(messenger: Messenger) -> Log:
    assert messenger.logs is not None
    return messenger.logs.all[0]


async def asked(messenger: Messenger, path: str, method: str = "GET") -> Any:
    async with messenger.session.request(
        method, messenger.url + path, headers=OPERATOR
    ) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        return await response.json()


async def test_nothing_is_told_without_the_token(
    messenger: Messenger, run_messenger: Callable[..., Any]
) -> None:
    """Without it, with another, and where none is set: the same 401, which no cache keeps."""
    without = await run_messenger()
    for method, path in ROUTES:
        for where, headers in (
            (messenger, {}),
            (messenger, {"Authorization": "Bearer " + "u" * 32}),
            (messenger, {"Cookie": f"token={TOKEN}"}),
            (without, OPERATOR),
        ):
            found = await where.problem(method, path, headers=headers)
            assert (found["status"], found["code"]) == (401, "not-allowed"), (method, path)
            assert found["headers"]["Cache-Control"] == "no-store"


async def test_the_page_is_there_only_for_a_token(
    messenger: Messenger, run_messenger: Callable[..., Any]
) -> None:
    """Where no token is set /ops is like any path that is not; else it is a document that holds nothing
    of anybody's, that nothing keeps and nothing can be put into."""
    without = await run_messenger()
    for method in ("GET", "POST"):
        found = await without.problem(method, "/ops")
        other = await without.problem(method, "/opt")
        assert (found["status"], found["code"], found["detail"]) == (
            404,
            "not-found",
            other["detail"],
        )
    await messenger.post("a secret", room="cellar")
    async with messenger.session.get(messenger.url + "/ops") as response:
        document = await response.text()
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        policy = response.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    for word in ("a secret", "cellar", TOKEN):
        assert word not in document


async def test_a_write_from_another_site_is_refused(messenger: Messenger, log: Log) -> None:
    """Also with the token."""
    for method, path in ROUTES:
        if method == "GET":
            continue
        headers = {**OPERATOR, "Sec-Fetch-Site": "cross-site"}
        found = await messenger.problem(method, path, headers=headers)
        assert (found["status"], found["code"]) == (403, "cross-origin")


async def _has_read(messenger: Messenger, count: int) -> bool:
    return len(await messenger.texts()) == count


async def test_figures_are_those_of_the_log(
    private_store: PrivateStore, messenger: Messenger
) -> None:
    """Messages by when they were posted, posts of each second, deliveries to each reader, subscribers,
    and what the store tells."""
    with private_store.client() as client:
        begin = (now_ms(client) - 120_000) // 15_000 * 15_000
        fill(client, [f"{begin}-0", f"{begin + 14_999}-0", f"{begin + 15_000}-0"])
    await wait_until(lambda: _has_read(messenger, 3), "they are taken in")
    async with messenger.stream() as first, messenger.stream() as second:
        for each in (first, second):
            assert (await each.next()).name == "hello"
        await messenger.post("now")

        async def told() -> Any:
            found = await asked(messenger, "/api/ops/figures")
            return found if sum(each[2] for each in found["seconds"]) >= 2 else None

        found = await wait_until(told, "the second of the delivery is over")
    assert (found["window"], found["slot"]) == (900_000, 15_000)
    assert found["ages"][:2] == [[begin, 2], [begin + 15_000, 1]]
    assert sum(count for _, count in found["ages"]) == 4
    posts = {second: count for second, count, _ in found["seconds"]}
    assert len(posts) == 300
    assert posts[begin // 1_000 * 1_000] == 1
    assert sum(posts.values()) == 4
    assert sum(each[2] for each in found["seconds"]) == 2
    assert found["subscribers"] == 2
    assert found["store"]["used_memory"] > 0
    assert found["store"]["partitions"][0]["length"] == 4


async def test_only_what_is_new_is_told_after_a_time(messenger: Messenger) -> None:
    """`after` leaves out the seconds up to it; what is no time is refused."""
    found = await asked(messenger, "/api/ops/figures")
    last = found["seconds"][-3][0]
    late = await asked(messenger, f"/api/ops/figures?after={last}")
    assert late["seconds"][0][0] == last + 1_000
    for wrong in ("-1", "x", "", "1" * 16):
        refused = await messenger.problem(
            "GET", "/api/ops/figures", params={"after": wrong}, headers=OPERATOR
        )
        assert (refused["status"], refused["code"]) == (400, "bad-query")


async def test_groups_are_those_of_the_command(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """Each with its lag, what it holds and its dead letters."""
    await bury(private_store, log, "bad", "worse")
    await messenger.post("not handed out yet")
    found = await asked(messenger, "/api/ops/groups")
    by_name = {each["group"]: each for each in found["groups"]}
    assert by_name.keys() == {"mailer", "projector"}
    assert (by_name["mailer"]["lag"], by_name["mailer"]["dead_letters"]) == (1, 2)


async def test_letters_are_listed_without_their_texts(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """Which and why, and for how long; the text only of one that is asked for."""
    first, second = await bury(private_store, log, "a secret", "another secret")
    found = await asked(messenger, LETTERS)
    assert [each["entry"] for each in found["letters"]] == [first, second]
    assert found["is_whole"]
    letter = found["letters"][0]
    assert letter == letter | {"group": "mailer", "partition": 0, "room": "lobby", "attempts": 3}
    assert letter["error"].startswith("SMTPServerDisconnected")
    assert letter["expires_at"] == int(first.split("-")[0]) + 900_000
    assert "secret" not in str(found)
    assert "author" not in letter
    of_group = await asked(messenger, LETTERS + "?group=mailer")
    assert of_group["letters"] == found["letters"]
    assert (await asked(messenger, LETTERS + "?group=projector"))["letters"] == []
    shown = await asked(messenger, f"{LETTERS}/mailer/0/{first}")
    assert shown["fields"]["text"] == "a secret"


async def test_requeued_it_is_handed_out_again(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """Its entry is pending again and the letter gone; all of a group's, or one."""
    ids = await bury(private_store, log, "one", "two", "three")
    path = f"{LETTERS}/mailer/0/{ids[0]}/requeue"
    assert await asked(messenger, path, "POST") == {"done": 1, "gone": []}
    with private_store.client() as client:
        assert pending(client, "mailer") == 1
        assert counted(client, "mailer", "requeued") == 1
        again = await messenger.problem("POST", path, headers=OPERATOR)
        assert (again["status"], again["code"]) == (404, "letter-not-found")
        assert await asked(messenger, f"{LETTERS}/mailer/requeue", "POST") == {
            "done": 2,
            "gone": [],
        }
        assert pending(client, "mailer") == 3
    assert (await asked(messenger, LETTERS))["letters"] == []


async def test_dropped_it_is_gone_and_its_message_lives(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """One, or all of a group's; nothing is handed out again."""
    ids = await bury(private_store, log, "one", "two", "three")
    path = f"{LETTERS}/mailer/0/{ids[1]}"
    assert await asked(messenger, path, "DELETE") == {"done": 1, "gone": []}
    left = (await asked(messenger, LETTERS))["letters"]
    assert [each["entry"] for each in left] == [ids[0], ids[2]]
    assert await asked(messenger, f"{LETTERS}/mailer", "DELETE") == {"done": 2, "gone": []}
    assert (await asked(messenger, LETTERS))["letters"] == []
    assert await messenger.texts() == ["one", "two", "three"]
    with private_store.client() as client:
        assert pending(client, "mailer") == 0


async def test_what_can_not_be_done_is_said(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """A group, a letter or a partition that is not there, an entry that the log has no more."""
    (entry,) = await bury(private_store, log, "bad")
    for method, path, expected in (
        ("GET", f"{LETTERS}?group=nobody", (404, "group-not-found")),
        ("POST", f"{LETTERS}/nobody/requeue", (404, "group-not-found")),
        ("DELETE", f"{LETTERS}/no%2Fbody%20%F0%9F%94%91", (404, "group-not-found")),
        ("GET", f"{LETTERS}/mailer/0/1-1", (404, "letter-not-found")),
        ("GET", f"{LETTERS}/mailer/1/{entry}", (400, "bad-id")),
        ("GET", f"{LETTERS}/mailer/x/{entry}", (400, "bad-id")),
        ("DELETE", f"{LETTERS}/mailer/0/x", (400, "bad-id")),
    ):
        found = await messenger.problem(method, path, headers=OPERATOR)
        assert (found["status"], found["code"]) == expected, path
    with private_store.client() as client:
        client.xdel(KEYS.log, entry)
        path = f"{LETTERS}/mailer/0/{entry}/requeue"
        found = await messenger.problem("POST", path, headers=OPERATOR)
        assert (found["status"], found["code"]) == (410, "entry-gone")
        client.xgroup_destroy(KEYS.log, "mailer")
        found = await messenger.problem("POST", path, headers=OPERATOR)
        assert (found["status"], found["code"]) == (404, "group-not-found")


async def test_more_letters_than_are_listed_are_said(
    private_store: PrivateStore, messenger: Messenger, log: Log
) -> None:
    """The first hundred of a group, and that it is not all."""
    await bury(private_store, log, *map(str, range(101)))
    found = await asked(messenger, LETTERS)
    assert (len(found["letters"]), found["is_whole"]) == (100, False)


async def test_a_store_that_is_away_is_said(
    own_store: Callable[..., PrivateStore], run_messenger: Callable[..., Any]
) -> None:
    """The process's own figures are told all the same; what is the store's is null or 503."""
    private = own_store()
    messenger = await run_messenger(on=private, admin_token=TOKEN)
    await messenger.post("kept in memory")
    private.kill()
    found = await asked(messenger, "/api/ops/figures")
    assert found["store"] is None
    assert sum(count for _, count in found["ages"]) == 1
    for path in ("/api/ops/groups", LETTERS):
        refused = await messenger.problem("GET", path, headers=OPERATOR)
        assert (refused["status"], refused["code"]) == (503, "store-unavailable")
    private.start()
