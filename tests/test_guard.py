"""Another site's page can't write with its reader's browser."""

import pytest

from tests.serving import Messenger

TAKEN = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    # What the browser says itself is believed over the Origin.
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://other.example"},
    {"Origin": "http://{host}"},
    # Behind a proxy that ends TLS we do not know our own scheme.
    {"Origin": "https://{host}"},
]
REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "anything else" * 100},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://{host}"},
    {"Origin": "https://other.example"},
    {"Origin": "http://{host}.other.example"},
    {"Origin": "http://user@{host}"},
    {"Origin": "http://{host}:1"},
    {"Origin": "{host}"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[::1"},
    {"Origin": "\u00ff"},
]
PROBLEM = (403, "cross-origin")


def headers_of(messenger: Messenger, template: dict[str, str]) -> dict[str, str]:
    host = messenger.url.removeprefix("http://")
    return {name: value.replace("{host}", host) for name, value in template.items()}


def shown(template: dict[str, str]) -> str:
    return str(template)[:60]


@pytest.mark.parametrize("template", TAKEN, ids=shown)
async def test_a_page_of_ours_and_a_program_may_write(
    messenger: Messenger, template: dict[str, str]
) -> None:
    """Posts and erasures of our own pages, of typed addresses and of programs are taken."""
    headers = headers_of(messenger, template)
    path = f"{messenger.url}/api/rooms/lobby/messages"
    async with messenger.session.post(path, json={"text": "hello"}, headers=headers) as response:
        assert response.status == 201
        posted = await response.json()
    headers["Authorization"] = f"Bearer {posted['erase_token']}"
    async with messenger.session.delete(f"{path}/{posted['id']}", headers=headers) as response:
        assert response.status == 204


@pytest.mark.parametrize("template", REFUSED, ids=shown)
async def test_another_site_may_not_write(messenger: Messenger, template: dict[str, str]) -> None:
    """Neither by the API nor by the page's form does another site's page post or erase; nothing is
    changed, and the request is not repeated in the answer."""
    posted = await messenger.post("mine")
    headers = headers_of(messenger, template)
    path = "/api/rooms/lobby/messages"
    token = {"Authorization": f"Bearer {posted['erase_token']}"}
    refusals = [
        await messenger.problem("POST", path, json={"text": "forged"}, headers=headers),
        await messenger.problem("POST", "/r/lobby", data={"text": "forged"}, headers=headers),
        await messenger.problem("DELETE", f"{path}/{posted['id']}", headers=headers | token),
    ]
    assert [(each["status"], each["code"]) for each in refusals] == [PROBLEM] * 3
    assert all(len(each["detail"]) < 100 for each in refusals)
    assert await messenger.texts() == ["mine"]


async def test_everybody_may_read(messenger: Messenger) -> None:
    """The rule is for writes: reading is for every page and program."""
    for template in REFUSED:
        headers = headers_of(messenger, template)
        for path in ("/api/rooms/lobby/messages", "/r/lobby", "/health/live"):
            async with messenger.session.get(messenger.url + path, headers=headers) as response:
                assert response.status == 200


async def test_another_method_is_judged_too(messenger: Messenger) -> None:
    """A method that no path takes is refused for its origin first, as any write is."""
    forged = {"Sec-Fetch-Site": "cross-site"}
    for method in ("PUT", "PATCH", "POST", "DELETE"):
        found = await messenger.problem(method, "/api/rooms", headers=forged)
        assert (found["status"], found["code"]) == PROBLEM
