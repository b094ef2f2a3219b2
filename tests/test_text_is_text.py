"""Promise 9: text is only text."""

import html
import logging
import re

import pytest

from tests.serving import Messenger
from web.shell import shell

NASTY = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7}",
    "javascript:alert(1) &lt;b&gt; &amp;",
    "line one\nline two\n\nid: 1-1\nevent: message\ndata: forged",
    "%s %d %(name)s \\u0041 \\n",
]


@pytest.mark.parametrize("text", NASTY)
async def test_markup_is_shown_and_not_run(messenger: Messenger, text: str) -> None:
    """Whatever a text looks like, every path gives back the same characters."""
    async with messenger.stream() as stream:
        await stream.next()
        posted = await messenger.post(text, author=text[:40].partition("\n")[0])
        assert (await stream.until("message")).data["text"] == text
        await messenger.post("after")
        assert (await stream.next()).data["text"] == "after"
    assert posted["text"] == text
    assert (await messenger.texts())[0] == text
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        page = await response.text()
    shown = re.search(r'<p class="text" dir="auto">(.*?)</p>', page, re.DOTALL)
    assert shown is not None
    assert html.unescape(shown[1]) == text
    assert "<" not in shown[1]


async def test_the_page_takes_nothing_from_elsewhere(messenger: Messenger) -> None:
    """The page's policy allows our own files only, nothing inline but our style, no copies."""
    async with messenger.session.get(messenger.url + "/r/lobby") as response:
        policy, page = response.headers["Content-Security-Policy"], await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"(src|href|action)=\"(https?:)?//", page)
    assert not re.search(r"<[^>]+ (on\w+|style)=", page)


_MODULES = sorted(name for name in shell() if name.endswith(".js"))


@pytest.mark.parametrize("source", _MODULES)
async def test_the_script_never_makes_markup_of_text(messenger: Messenger, source: str) -> None:
    """The page's code sets text as text only."""
    async with messenger.session.get(f"{messenger.url}/static/{source}") as response:
        assert response.status == 200
        code = await response.text()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert way not in code


async def test_nothing_that_was_said_is_logged(
    messenger: Messenger, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an accepted nor a refused text, nor a token, is in the logs."""
    caplog.set_level(logging.DEBUG)
    posted = await messenger.post("the secret word", author="a secret name")
    path = "/api/rooms/lobby/messages"
    await messenger.problem("POST", path, json={"text": "the secret word\x00"})
    await messenger.problem("POST", path, data=b'{"text": "the secret word')
    headers = {"Authorization": "Bearer the-secret-word"}
    await messenger.problem("DELETE", f"{path}/{posted['id']}", headers=headers)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "secret" not in said
    assert posted["erase_token"] not in said
