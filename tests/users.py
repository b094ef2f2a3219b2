"""The store's users in tests: each role's, with the rights that `messenger acl` would give it."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import redis

from messenger import rights
from messenger.connection import Store
from messenger.roles import ROLES, rights_of

PASSWORD = "the-password-of-every-test's-user"
GROUP = "mine"
_USERS = (*((role, None) for role in ROLES), ("downstream", GROUP))
_words: dict[str, dict[str, list[str]]] = {}


def url_as(url: str, role: str, group: str | None = None) -> str:
    """The URL of a store, for the user of a role."""
    return url.replace("://", f"://{rights.user_of(role, group)}:{PASSWORD}@", 1)


def make_users(client: redis.Redis, server: str, url: str) -> None:
    """Gives a store a user for each role; the rules are asked for once for each kind of server."""
    if server not in _words:
        _words[server] = _in_a_loop_of_its_own(url)
    for user, words in _words[server].items():
        client.execute_command("ACL", "SETUSER", user, *words, f"#{rights.hash_of(PASSWORD)}")


def refused(client: redis.Redis) -> Sequence[str]:
    """What our users were refused since the log of refusals was emptied."""
    return [
        f"{each['username']}: {each['object']}"
        for each in client.acl_log()
        if each["username"].startswith(rights.PREFIX) and each["reason"] != "auth"
    ]


def _in_a_loop_of_its_own(url: str) -> dict[str, list[str]]:
    """The rules of every user. The caller may be inside of a loop."""
    found: Future[dict[str, list[str]]] = Future()

    async def ask() -> dict[str, list[str]]:
        async with Store(url) as store:
            return {
                rights.user_of(role, group): await rights.rules(store.pipe, rights_of(role, group))
                for role, group in _USERS
            }

    thread = threading.Thread(target=lambda: found.set_result(asyncio.run(ask())))
    thread.start()
    thread.join()
    return found.result(0)
